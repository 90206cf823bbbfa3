import type { DraftWrites, ReadOptions, ThreadKey } from "../store/store.ts";
import { findStored, type Loaded } from "./load.ts";
import { loadWhole } from "./load-children.ts";
import type { RunParts } from "./parts.ts";

/** Records of one run read at most to find where it began. */
const recordsMax = 10_000;

/**
 * Undoes a run that has stopped: its checkpoints are deleted, and what it saved with the checkpoint before them, and with
 * those of subgraphs that had stopped there, is void. Doing it again changes nothing.
 */
export async function undoRun(parts: RunParts, key: ThreadKey, runId: string): Promise<void> {
  const { store } = parts;
  const records = await store.runRecords(key, runId, Number.POSITIVE_INFINITY, recordsMax);
  const began = records.findLast(({ record }) =>
    record.events.some((event) => event.runId === runId && event.body.case === "runStarted"),
  );
  if (began === undefined) return;
  await store.deleteRuns(key.space, [runId], () => {});
  await store.update(key, async ({ exists, tail }) => {
    // Another server may have done it already, and begun the next run.
    if (!exists || tail.headCheckpointId === "" || tail.lease?.runId !== runId) return undefined;
    const asOf = began.n - 1;
    const stored = await findStored(parts, key, "", tail.headCheckpointId, asOf);
    if (stored === undefined) return undefined;
    const head = await loadWhole(parts, key, stored, asOf);
    const changed = await Promise.all(stopped(head).map((loaded) => writesBefore(parts, key, loaded, asOf)));
    const before = changed.flatMap((group) => group ?? []);
    if (before.length === 0) return undefined;
    return {
      clearedWrites: before.map(({ namespace, checkpointId }) => ({ namespace, checkpointId })),
      writes: before,
    };
  });
}

function stopped(loaded: Loaded): Loaded[] {
  return [loaded, ...[...loaded.children.values()].flatMap(stopped)];
}

/** The writes of a checkpoint as they were, if others have come since. */
async function writesBefore(
  { store }: RunParts,
  key: ThreadKey,
  { state: { namespace, checkpointId } }: Loaded,
  asOf: number,
): Promise<DraftWrites | undefined> {
  const read = (options: ReadOptions) => store.getCheckpoint(key, namespace, { id: checkpointId }, options);
  const [then, now] = await Promise.all([read({ view: "refs", asOf }), read({ view: "refs" })]);
  if (then === undefined || then.writes.length === now?.writes.length) return undefined;
  return { namespace, checkpointId, writes: then.writes };
}
