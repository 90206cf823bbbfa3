import { toBinary } from "@bufbuild/protobuf";
import {
  type GetCheckpointRequest,
  type GetCheckpointResponse,
  GetCheckpointResponseSchema,
} from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { Encoded } from "./adapter.ts";
import { getCheckpoint } from "./checkpoint-read.ts";
import type { CallContext } from "./context.ts";
import type { Parts } from "./service.ts";

/** What an entry costs besides the bytes of its answer and its names, roughly. */
const ENTRY_BYTES = 256;

interface Entry {
  readonly version: string;
  readonly bytes: Uint8Array;
  /** Asked for since it was last considered for removal. */
  isUsed: boolean;
}

/**
 * Encoded answers by what was asked, each with the version of the thread that it was read of. When there are too
 * many bytes, the oldest go that nobody has asked for lately.
 */
export class AnswerCache {
  readonly #bytesMax: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isOff(): boolean {
    return this.#bytesMax === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(asked: string, version: string): Uint8Array | undefined {
    const entry = this.#entries.get(asked);
    if (entry?.version !== version) return undefined;
    entry.isUsed = true;
    return entry.bytes;
  }

  put(asked: string, version: string, bytes: Uint8Array): void {
    this.#remove(asked);
    const entry = { version, bytes, isUsed: false };
    // One answer shall not drive out all others.
    if (sizeOf(asked, entry) > this.#bytesMax / 8) return;
    this.#entries.set(asked, entry);
    this.#bytes += sizeOf(asked, entry);
    this.#makeRoom();
  }

  /** Those that were used go to the end of the line once more, unused. */
  #makeRoom(): void {
    for (const [asked, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#remove(asked);
      if (!entry.isUsed) continue;
      entry.isUsed = false;
      this.#entries.set(asked, entry);
      this.#bytes += sizeOf(asked, entry);
    }
  }

  #remove(asked: string): void {
    const entry = this.#entries.get(asked);
    if (entry === undefined) return;
    this.#entries.delete(asked);
    this.#bytes -= sizeOf(asked, entry);
  }
}

function sizeOf(asked: string, { version, bytes }: Pick<Entry, "version" | "bytes">): number {
  return asked.length + version.length + bytes.length + ENTRY_BYTES;
}

/** Reads a checkpoint and encodes it once for all who ask for it before its thread changes. */
export async function getCheckpointOnce(
  parts: Parts,
  request: GetCheckpointRequest,
  context: CallContext,
): Promise<GetCheckpointResponse | Encoded> {
  const { store, answers } = parts;
  // What a reader holds is its own affair: another one will hardly hold the same.
  if (store.version === undefined || answers.isOff || request.heldRefs.length > 0) {
    return await getCheckpoint(parts, request, context);
  }
  const { threadId, namespace, checkpointId = null, order, view } = request;
  const asked = JSON.stringify([context.space, threadId, namespace, checkpointId, order, view]);
  // Asked for before reading: what is read is then of this version or a later one, and under a later one nobody finds it.
  const version = store.version({ space: context.space, thread: threadId });
  const known = answers.get(asked, version);
  if (known !== undefined) return new Encoded(known);
  const bytes = toBinary(GetCheckpointResponseSchema, await getCheckpoint(parts, request, context));
  answers.put(asked, version, bytes);
  return new Encoded(bytes);
}
