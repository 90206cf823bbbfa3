import { toCheckpoint } from "../engine/checkpoint.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { DraftWrites } from "../store/store.ts";
import type { Loaded } from "./load.ts";
import type { stampOf } from "./run-plan.ts";
import type { Fork } from "./travel.ts";

/** A state that has been migrated in memory, as it is to be saved. */
export interface CarriedOver {
  checkpoint: Checkpoint;
  writes: DraftWrites[];
}

/**
 * Makes the checkpoint that holds a migrated state, at the same superstep, with what was saved of the tasks that are due:
 * results that are saved from now on are in the new names and must not stand among those in the old ones. Undefined when
 * the state was not migrated. Throws MIGRATION_FAILED when something of that would be missed.
 */
export function carryOver(loaded: Loaded, stamp: ReturnType<typeof stampOf>): CarriedOver | undefined {
  const { state, migrated } = loaded;
  if (migrated === undefined) return undefined;
  if (migrated.missed !== undefined) throw migrated.missed;
  const { kept } = state;
  const parentId = state.checkpointId;
  // No superstep has been made.
  state.step -= 1;
  const { previousVersions } = migrated;
  const { checkpoint } = toCheckpoint(state, { ...stamp, parentId, source: "update", ran: [], previousVersions, kept });
  loaded.migrated = undefined;
  const { namespace, checkpointId } = state;
  const { writes } = migrated;
  return { checkpoint, writes: writes.length === 0 ? [] : [{ namespace, checkpointId, writes }] };
}

/** The same of the subgraphs that tasks have begun. They go on in the namespaces where they are. */
export function carryOverChildren({ children }: Loaded, stamp: () => ReturnType<typeof stampOf>): Fork[] {
  return [...children.values()].flatMap((loaded) => {
    const carried = carryOver(loaded, stamp());
    return [...(carried === undefined ? [] : [{ loaded, ...carried }]), ...carryOverChildren(loaded, stamp)];
  });
}
