import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { isNative } from "../engine/native-fault.ts";
import { type StateSnapshot, StateSnapshotSchema } from "../gen/cairn/v1/run_service_pb.ts";
import type { TypedValue } from "../gen/cairn/v1/value_pb.ts";
import { checkpointNotFound } from "../not-found.ts";
import type { StoredCheckpoint, ThreadKey } from "../store/store.ts";
import { compareBytes } from "../values/order.ts";
import { findStored, graphOf, loadState } from "./load.ts";
import { loadChildren } from "./load-children.ts";
import type { RunParts } from "./parts.ts";
import { stateSnapshot } from "./state-view.ts";

type ReaderParts = Pick<RunParts, "store" | "graphs">;

/**
 * The state at the head, as it is now, or at a checkpoint that is named: as it is now when that is the head, else as
 * it was when the checkpoint was saved. With `asOf`, a record's position, what was written later is left out.
 * Throws CHECKPOINT_NOT_FOUND.
 */
export async function readState(
  parts: ReaderParts,
  key: ThreadKey,
  namespace: string,
  checkpointId: string,
  asOf?: number,
): Promise<StateSnapshot> {
  const [stored, head] = await Promise.all([
    findStored(parts, key, namespace, checkpointId, asOf),
    checkpointId === "" ? undefined : parts.store.getCheckpoint(key, namespace, { latestBy: "seq" }, { view: "refs" }),
  ]);
  if (stored === undefined) throw checkpointNotFound(undefined, { ...key, namespace });
  return describe(parts, key, stored, head === undefined || head.checkpoint.id === stored.checkpoint.id);
}

/** The states of a thread's checkpoints, newest first, each as it was saved. */
export async function readHistory(
  parts: ReaderParts,
  key: ThreadKey,
  namespace: string,
  page: { pageSize: number; pageToken: string },
): Promise<{ states: StateSnapshot[]; nextPageToken: string }> {
  const list = { thread: key.thread, namespace, filters: [], order: "seq" as const, ...page };
  const { entries, nextPageToken } = await parts.store.listCheckpoints(key.space, list, { view: "full" });
  const states = await Promise.all(entries.map((entry) => describe(parts, key, entry, false)));
  return { states, nextPageToken };
}

async function describe(
  parts: ReaderParts,
  key: ThreadKey,
  stored: StoredCheckpoint,
  live: boolean,
): Promise<StateSnapshot> {
  const { checkpoint } = stored;
  if (!isNative(checkpoint) || checkpoint.graphName === undefined) return foreignSnapshot(stored);
  const graph = await graphOf(parts, key.space, checkpoint);
  const loaded = loadState(graph, key, checkpoint.namespace, stored);
  if (live) await loadChildren(parts, key, loaded);
  return stateSnapshot(checkpoint, loaded, live);
}

/** A checkpoint that no graph of ours can have made: its values as they were put. */
function foreignSnapshot({ checkpoint, values }: StoredCheckpoint): StateSnapshot {
  const typed = Object.entries(checkpoint.channelValues).flatMap(([name, { source }]): [string, TypedValue][] => {
    const value = source.case === "ref" ? values.get(source.value)?.value : undefined;
    return value === undefined ? [] : [[name, value]];
  });
  return create(StateSnapshotSchema, {
    threadId: checkpoint.threadId,
    namespace: checkpoint.namespace,
    checkpointId: checkpoint.id,
    parentId: checkpoint.parentId ?? "",
    step: checkpoint.step ?? 0n,
    source: checkpoint.source ?? "",
    values: Object.fromEntries(typed),
    nextNodes: [...checkpoint.nextNodes].sort(compareBytes),
    createdAt: checkpoint.createdAtMs === undefined ? undefined : timestampFromMs(Number(checkpoint.createdAtMs)),
    runId: checkpoint.runId ?? "",
    graphName: checkpoint.graphName ?? "",
    graphHash: checkpoint.graphHash ?? "",
    metadata: checkpoint.metadata ?? new Uint8Array(),
  });
}
