import { create } from "@bufbuild/protobuf";
import { type CairnClient, CairnClientError, Code } from "../../../clients/typescript/src/index.ts";
import { type Checkpoint, CheckpointSchema, type PendingWrite } from "../../gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointWritesSchema, OnConflict, ValueView } from "../../gen/cairn/v1/checkpoint_service_pb.ts";
import { type Converted, putInline } from "../../origins/document.ts";
import { compareWrites } from "../../store/pending-writes.ts";
import { canonicalBytes } from "../../values/canonical.ts";
import type { Source } from "./source.ts";
import { checkpointName } from "./unreadable.ts";

/** How far a move is. */
export interface MovedIn {
  threads: number;
  /** Checkpoints that were put. */
  put: number;
  /** Those that were there already, from an earlier time. */
  there: number;
  /** Those that were read back and are as the source has them. */
  verified: number;
}

/**
 * Puts all of a source's checkpoints, with their writes, and reads each back. What is there already is not put again, so that a
 * move that was stopped goes on; it is compared as well, and nothing is overwritten. Throws ALREADY_EXISTS (CHECKPOINT_EXISTS)
 * when a checkpoint there is another one.
 */
export async function moveIn(
  source: Source,
  client: CairnClient,
  { thread, signal, moved }: { thread: string | undefined; signal: AbortSignal; moved: MovedIn },
): Promise<void> {
  for await (const threadId of source.threads()) {
    if (thread !== undefined && thread !== threadId) continue;
    const there = await namesIn(client, threadId);
    for await (const given of source.checkpoints(threadId)) {
      signal.throwIfAborted();
      if (there.has(nameOf(given.checkpoint.namespace, given.checkpoint.id))) moved.there++;
      else {
        await put(client, given, signal);
        moved.put++;
      }
      await verify(client, given, signal);
      moved.verified++;
    }
    moved.threads++;
  }
}

function put(client: CairnClient, { checkpoint, writes }: Converted, signal: AbortSignal): Promise<unknown> {
  const { namespace, id: checkpointId } = checkpoint;
  const beside = { ...create(CheckpointWritesSchema), namespace, checkpointId, writes };
  const groups = writes.length === 0 ? [] : [beside];
  return client.checkpointStore.put(checkpoint, { writes: groups, onConflict: OnConflict.FAIL, signal });
}

async function namesIn(client: CairnClient, threadId: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (let pageToken = ""; ; ) {
    const request = { threadId, view: ValueView.REFS, pageSize: 500, pageToken };
    const { entries, nextPageToken } = await client.checkpoints.listCheckpoints(request);
    for (const { checkpoint } of entries) names.add(nameOf(checkpoint?.namespace ?? "", checkpoint?.id ?? ""));
    if (nextPageToken === "") return names;
    pageToken = nextPageToken;
  }
}

function nameOf(namespace: string, id: string): string {
  return JSON.stringify([namespace, id]);
}

async function verify(client: CairnClient, given: Converted, signal: AbortSignal): Promise<void> {
  const { id, threadId, namespace } = given.checkpoint;
  const { values, ...read } = await client.checkpointStore.get(threadId, { namespace, checkpointId: id }, { signal });
  const found = { checkpoint: read.checkpoint as Checkpoint, writes: read.writes };
  putInline(found, values);
  // What the server adds is not the source's.
  const own = { ...found.checkpoint, seq: 0n, parentPruned: false };
  const same =
    equal(canonicalBytes(CheckpointSchema, own), canonicalBytes(CheckpointSchema, given.checkpoint)) &&
    equal(bytesOf(found.writes), bytesOf(given.writes));
  if (same) return;
  const message = `${checkpointName(threadId, id)}: what the server has is not what the source has`;
  throw new CairnClientError({ code: Code.AlreadyExists, reason: "CHECKPOINT_EXISTS", message });
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** In the order in which they are read back. */
function bytesOf(writes: PendingWrite[]): Uint8Array {
  const sorted = writes.toSorted(compareWrites);
  return canonicalBytes(CheckpointWritesSchema, { ...create(CheckpointWritesSchema), writes: sorted });
}
