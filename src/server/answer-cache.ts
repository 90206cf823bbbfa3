import { hash } from "node:crypto";
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
  if (answers.isOff) return await getCheckpoint(parts, request, context);
  const key = { space: context.space, thread: request.threadId };
  const asked = nameOf(request, context);
  // Seen before reading: what is read is then of this version or a later one, and under a later one nobody finds it.
  const version = store.versionSeen(key);
  const known = version === undefined ? undefined : answers.get(asked, version);
  // Others may have gone on with it since, where a store is shared.
  if (known !== undefined && (store.exclusive || (await store.version(key)) === version)) return new Encoded(known);
  // The version of a thread that this server has not seen yet is asked for as well, for whoever reads it next.
  const asking = version === undefined ? store.version(key) : undefined;
  const [response] = await Promise.all([getCheckpoint(parts, request, context), asking]);
  const bytes = toBinary(GetCheckpointResponseSchema, response);
  if (version !== undefined) answers.put(asked, version, bytes);
  return new Encoded(bytes);
}

/** Readers that hold the same values ask for the same: mostly one that asks again. */
function nameOf(request: GetCheckpointRequest, { space }: CallContext): string {
  const { threadId, namespace, checkpointId = null, order, view, heldRefs } = request;
  const held = heldRefs.length > 0 ? [hash("sha256", JSON.stringify(heldRefs), "base64")] : [];
  return JSON.stringify([space, threadId, namespace, checkpointId, order, view, ...held]);
}
