import { create } from "@bufbuild/protobuf";
import { CairnError } from "../../errors.ts";
import type {
  ExportEnd,
  ExportFrame,
  ExportHeader,
  ExportPart,
  ExportRecord,
} from "../../gen/cairn/store/v1/export_pb.ts";
import { PartsSchema, type Record } from "../../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { limits } from "../../limits.ts";
import { uuid4 } from "../../system/uuid.ts";
import type { StoreParts } from "../committer.ts";
import type { ThreadKey } from "../log.ts";
import { decodeRow } from "../record-codec.ts";
import type { Committed } from "../store.ts";
import { refsIn } from "../used-values.ts";
import { baseRefsOf } from "../value-bases.ts";
import { parseRef } from "../value-ref.ts";
import { damaged } from "./export-file.ts";
import { ThreadWriter, threadExists } from "./thread-writer.ts";

const ID_BYTES_MAX = 1024;
/** References name positions of up to fifteen digits, and the new thread may begin after an old one. */
const LAST_POSITION_MAX = 10n ** 12n;

export interface Imported {
  key: ThreadKey;
  committed: Committed;
  records: number;
}

/** Where an imported thread goes: under which name, or its own. */
export interface ImportTarget {
  space: string;
  thread?: string;
}

/** Makes a thread of a file's frames. All is checked as it comes; what was written is removed again when something is wrong. */
export async function importThread(
  parts: StoreParts,
  target: ImportTarget,
  frames: AsyncIterable<ExportFrame["frame"]>,
): Promise<Imported> {
  let reading: Import | undefined;
  try {
    for await (const frame of frames) {
      if (frame.case === "header") {
        if (reading) throw damaged("it has two headers");
        reading = await Import.begin(parts, target, frame.value);
      } else {
        if (!reading) throw damaged("it does not begin with a header");
        await reading.take(frame);
      }
    }
    if (!reading) throw damaged("it is empty");
    return await reading.commit();
  } catch (error) {
    await reading?.abort();
    throw error;
  }
}

class Import {
  readonly #parts: StoreParts;
  readonly #key: ThreadKey;
  readonly #header: ExportHeader;
  readonly #writer: ThreadWriter;
  readonly #begunMs: number;
  /** Values that are complete and that no record has taken yet: by their names in the file. */
  readonly #complete = new Map<string, { upload: string; count: number }>();
  /** The value whose parts are coming. */
  #coming: { name: string; upload: string; count: number; next: number } | undefined;
  #partsSeen = 0;
  /** How many values the record at a position has. */
  readonly #values = new Map<number, number>();
  #n = 0;
  #end: ExportEnd | undefined;

  private constructor(parts: StoreParts, key: ThreadKey, header: ExportHeader, writer: ThreadWriter) {
    this.#parts = parts;
    this.#key = key;
    this.#header = header;
    this.#writer = writer;
    this.#begunMs = parts.environment.clock.monotonicMs();
  }

  static async begin(parts: StoreParts, target: ImportTarget, header: ExportHeader): Promise<Import> {
    const { threadId, lastPosition, tail } = header;
    if (threadId === "" || Buffer.byteLength(threadId) > ID_BYTES_MAX) throw damaged("its thread's id is none");
    if (lastPosition < 1n || lastPosition > LAST_POSITION_MAX) throw damaged("its last position is none");
    if (!tail || tail.calls.length > 0 || tail.lease?.holder || tail.floor >= lastPosition) {
      throw damaged("how its thread stands is none");
    }
    const key = { space: target.space, thread: target.thread || threadId };
    if ((await parts.committer.tail(key)).exists) throw threadExists(key.thread);
    return new Import(parts, key, header, new ThreadWriter(parts, key, { n: Number(lastPosition), tail }));
  }

  async take(frame: Exclude<ExportFrame["frame"], { case: "header" }>): Promise<void> {
    this.#checkTime();
    if (this.#end) throw damaged("something follows its end");
    if (frame.case === "part") await this.#takePart(frame.value);
    else if (frame.case === "record") await this.#takeRecord(frame.value);
    else if (frame.case === "end") this.#takeEnd(frame.value);
  }

  async commit(): Promise<Imported> {
    if (!this.#end) throw damaged("it is truncated");
    const { metadata, tail } = this.#header;
    const committed = await this.#writer.commit({ metadata, createdAtMs: tail?.createdAtMs ?? 0n });
    return { key: this.#key, committed, records: this.#values.size };
  }

  abort(): Promise<void> {
    return this.#writer.abort();
  }

  async #takePart({ upload: name, index, count, data }: ExportPart): Promise<void> {
    const coming = this.#coming ?? { name, upload: uuid4(this.#parts.environment), count, next: 0 };
    if (name !== coming.name || count !== coming.count || index !== coming.next || index >= count) {
      throw damaged("parts of a value are missing");
    }
    if (data.length > limits.valuePartBytes) throw damaged("a part is too large");
    await this.#parts.log.putParts(this.#key, { upload: coming.upload, parts: [data], from: index });
    this.#partsSeen++;
    coming.next++;
    this.#coming = coming.next < count ? coming : undefined;
    if (!this.#coming) this.#complete.set(name, { upload: coming.upload, count });
  }

  async #takeRecord({ n: position, record: body }: ExportRecord): Promise<void> {
    const n = Number(position);
    const { lastPosition, tail, threadId } = this.#header;
    if (this.#coming) throw damaged("parts of a value are missing");
    if (n <= this.#n || position <= (tail?.floor ?? 0n) || position > lastPosition) {
      throw damaged(`record ${n} is out of order`);
    }
    const record = readable(() => decodeRow({ thread: threadId }, { n, body }));
    if (record.floor || record.call || record.request) throw damaged(`record ${n} is none that is exported`);
    const stored = { ...record, values: record.values.map((value) => this.#withUpload(n, value)) };
    this.#values.set(n, record.values.length);
    this.#checkRefs(n, stored);
    this.#n = n;
    await this.#writer.add(n, stored);
  }

  #takeEnd(end: ExportEnd): void {
    const isWhole = Number(end.records) === this.#values.size && Number(end.parts) === this.#partsSeen;
    if (!isWhole || this.#coming || this.#complete.size > 0) throw damaged("something in it is missing");
    this.#end = end;
  }

  #withUpload(n: number, value: Record["values"][number]): Record["values"][number] {
    const { storage } = value;
    if (storage.case !== "parts") return value;
    const found = this.#complete.get(storage.value.upload);
    if (found === undefined || found.count !== storage.value.count) throw damaged(`a value of record ${n} is missing`);
    this.#complete.delete(storage.value.upload);
    return { ...value, storage: { case: storage.case, value: create(PartsSchema, found) } };
  }

  /** Everything that a record refers to is in the file, before it. */
  #checkRefs(n: number, record: Record): void {
    const bases = record.values.flatMap((value) => baseRefsOf({ n }, value));
    for (const ref of [...refsIn(record), ...bases]) {
      const place = readable(() => parseRef(ref));
      if (place.index < (this.#values.get(place.n) ?? 0)) continue;
      throw damaged(`record ${n} refers to a value that is missing`);
    }
  }

  /** Parts that no record is seen to name may be removed when they are older. */
  #checkTime(): void {
    if (this.#parts.environment.clock.monotonicMs() - this.#begunMs <= limits.importMs) return;
    throw new CairnError(ErrorReason.LIMIT_REACHED, "the import took longer than it may", {
      metadata: { limit: "import_ms", value: `${limits.importMs}` },
    });
  }
}

/** What can't be read here is the file's fault, not the store's. One of a newer layout is no fault. */
function readable<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof CairnError && error.reason === ErrorReason.LAYOUT_TOO_NEW) throw error;
    throw damaged(error instanceof Error ? error.message : String(error));
  }
}
