import type { CairnError } from "../errors.ts";
import type { Checkpoint, PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { Value, VersionMap } from "../gen/cairn/v1/value_pb.ts";
import { Cell } from "./cell.ts";
import { type KeptTask, type KeptTasks, keptTasksOf } from "./kept-tasks.ts";
import { migrateWrites, missedResult } from "./migrate-writes.ts";
import { type CompiledMigration, migrationFailed } from "./migrations.ts";
import { isControl } from "./names.ts";
import { isBarrier, type Renames } from "./renames.ts";
import { nodePath } from "./subgraph.ts";
import type { CellSource } from "./task-status.ts";
import { nodeTaskPath, sendPath } from "./tasks.ts";

/** A checkpoint and its saved writes while they are migrated, in the names of one schema_version. */
export interface SavedState {
  checkpoint: Checkpoint;
  writes: readonly PendingWrite[];
  kept: KeptTasks;
  /** Why the tasks that are due can't be gone on with: results of theirs have not been seen by what computed new values. */
  missed: CairnError | undefined;
}

/** What a step makes of the values of the state's channels, besides their names. */
export interface NewValues {
  /** By the new name. */
  set: ReadonlyMap<string, Cell>;
  /** Old names. */
  drop: ReadonlySet<string>;
  /** Old names of the channels that `set` was made from. */
  read: ReadonlySet<string> | "all";
}

/** What a step changed. */
export interface StepChanges {
  from: number;
  to: number;
  /** Channels that hold a value: old name to new. */
  renamedChannels: Record<string, string>;
  dropped: string[];
  set: string[];
  /** Nodes that are due: old name to new. */
  renamedNodes: Record<string, string>;
}

/** What a checkpoint holds before its first step. */
export function savedState(checkpoint: Checkpoint, writes: readonly PendingWrite[]): SavedState {
  const before = keptTasksOf(checkpoint);
  const earlier = before === "malformed" ? undefined : before;
  const tasks = new Map<string, KeptTask>();
  let send = 0;
  for (const { id, node, stateOverride } of checkpoint.pendingTasks) {
    let path = nodeTaskPath(node);
    if (stateOverride !== undefined) {
      // Sends to nodes that the graph lacked have no task.
      while (send < checkpoint.pendingSends.length && checkpoint.pendingSends[send]?.node !== node) send++;
      path = sendPath(send++);
    }
    tasks.set(path, { id, node: earlier?.tasks.get(path)?.node ?? node });
  }
  return {
    checkpoint,
    writes,
    kept: { checkpointId: earlier?.checkpointId ?? checkpoint.id, tasks },
    missed: undefined,
  };
}

/** The values that a state's channels hold. */
export function stateCells({ checkpoint }: SavedState, cellOf: CellSource): Map<string, Cell> {
  const own = Object.entries(checkpoint.channelValues).filter(([name]) => !isControl(name));
  return new Map(own.map(([name, value]) => [name, cellOf(value)]));
}

/** Takes one step. Throws MIGRATION_FAILED where it can't be taken without a loss. */
export function migrate(
  saved: SavedState,
  migration: CompiledMigration,
  values: NewValues,
  cellOf: CellSource,
): { saved: SavedState; changes: StepChanges } {
  const { checkpoint } = saved;
  const { renames } = migration;
  refuseKeptSubgraphs(checkpoint, migration);
  const paths = pathsAfter(saved, renames);
  const next: SavedState = {
    checkpoint: {
      ...checkpoint,
      channelValues: newValues(checkpoint, migration, values, cellOf),
      ...newVersions(checkpoint, migration, values),
      nextNodes: checkpoint.nextNodes.map((node) => renames.node(node)),
      pendingTasks: checkpoint.pendingTasks.map((task) => ({
        ...task,
        node: renames.node(task.node),
        triggers: task.triggers.map((channel) => renames.channel(channel)),
      })),
      pendingSends: checkpoint.pendingSends.map((send) => ({
        ...send,
        node: renames.node(send.node),
        sourceNode: send.sourceNode && renames.node(send.sourceNode),
      })),
    },
    writes: migrateWrites(saved, migration, values, { paths, cellOf }),
    missed: saved.missed ?? missedResult(saved, migration, values),
    kept: {
      ...saved.kept,
      tasks: new Map([...saved.kept.tasks].map(([path, task]) => [paths.get(path) ?? path, task])),
    },
  };
  return { saved: next, changes: changesOf(checkpoint, migration, values) };
}

/** Where tasks stand among their siblings: by their nodes' names, save those of Sends. */
function pathsAfter({ checkpoint }: SavedState, renames: Renames): Map<string, string> {
  const own = checkpoint.pendingTasks.filter(({ stateOverride }) => stateOverride === undefined);
  return new Map(own.map(({ node }) => [nodeTaskPath(node), nodeTaskPath(renames.node(node))]));
}

function newValues(
  { channelValues }: Checkpoint,
  migration: CompiledMigration,
  { set, drop }: NewValues,
  cellOf: CellSource,
): Checkpoint["channelValues"] {
  const { renames } = migration;
  const values = new Map<string, Value>();
  for (const [old, value] of Object.entries(channelValues)) {
    const name = renames.channel(old);
    if (!isControl(old) && (drop.has(old) || set.has(name))) continue;
    values.set(name, isBarrier(old) ? arrivals(value, renames, cellOf) : value);
  }
  for (const [name, cell] of set) values.set(name, cell.toValue());
  return Object.fromEntries(values);
}

/** What a barrier holds: the names of the nodes that have arrived, and a mark that no node can be called by. */
function arrivals(value: Value, renames: Renames, cellOf: CellSource): Value {
  const names = cellOf(value).value;
  if (renames.nodes.size === 0 || !Array.isArray(names)) return value;
  return Cell.of(names.map((name) => (typeof name === "string" ? renames.node(name) : name))).toValue();
}

type Versions = Pick<Checkpoint, "channelVersions" | "versionsSeen" | "updatedChannels">;

/** Versions follow their channels; a new value is a new version. Nothing that is new triggers a node. */
function newVersions(checkpoint: Checkpoint, migration: CompiledMigration, { set, drop }: NewValues): Versions {
  const { renames } = migration;
  const { channelVersions, versionsSeen, updatedChannels } = checkpoint;
  const renamed = (map: VersionMap): VersionMap => {
    const kept = Object.entries(map.versions).filter(([name]) => !drop.has(name));
    return { ...map, versions: Object.fromEntries(kept.map(([name, version]) => [renames.channel(name), version])) };
  };
  const own = Object.values(channelVersions?.versions ?? {}).map(({ number }) => Number(number.value ?? 0));
  const value = BigInt(Math.max(0, ...own) + 1);
  const fresh = [...set.keys()].map((name) => [
    name,
    { $typeName: "cairn.v1.Version", number: { case: "int64Value", value } } as const,
  ]);
  const base: VersionMap = channelVersions ?? { $typeName: "cairn.v1.VersionMap", isNull: false, versions: {} };
  refuseMerged(base, migration, drop);
  const versions = { ...renamed(base).versions, ...Object.fromEntries(fresh) };
  const nodes = Object.entries(versionsSeen?.nodes ?? {});
  return {
    channelVersions: { ...base, versions },
    versionsSeen: versionsSeen && {
      ...versionsSeen,
      nodes: Object.fromEntries(nodes.map(([node, seen]) => [renames.node(node), renamed(seen)])),
    },
    updatedChannels: updatedChannels && {
      ...updatedChannels,
      names: updatedChannels.names.filter((name) => !drop.has(name)).map((name) => renames.channel(name)),
    },
  };
}

/** Two channels can't become one, the triggers of two nodes included. */
function refuseMerged({ versions }: VersionMap, migration: CompiledMigration, drop: ReadonlySet<string>): void {
  const taken = new Set<string>();
  for (const old of Object.keys(versions)) {
    if (drop.has(old)) continue;
    const name = migration.renames.channel(old);
    if (taken.has(name))
      throw migrationFailed(migration, `${JSON.stringify(name)} is there already`, { channel: name });
    taken.add(name);
  }
}

/** A subgraph that keeps one state for the thread keeps it under its node's name. */
function refuseKeptSubgraphs({ namespace, subgraphHeads }: Checkpoint, migration: CompiledMigration): void {
  const outer = nodePath(namespace);
  for (const head of Object.keys(subgraphHeads)) {
    const path = nodePath(head);
    const node = path[outer.length] ?? "";
    if (!migration.renames.nodes.has(node) || !outer.every((name, i) => path[i] === name)) continue;
    const why = `node ${JSON.stringify(node)} can't be renamed: the thread keeps the state of subgraph ${JSON.stringify(head)} under this name`;
    throw migrationFailed(migration, why, { node, namespace: head });
  }
}

function changesOf(checkpoint: Checkpoint, { from, to, renames }: CompiledMigration, values: NewValues): StepChanges {
  const held = Object.keys(checkpoint.channelValues).filter((name) => !isControl(name) && !values.drop.has(name));
  const renamed = held.map((name) => [name, renames.channel(name)] as const).filter(([old, name]) => old !== name);
  const due = checkpoint.pendingTasks.map(({ node }) => [node, renames.node(node)] as const);
  return {
    from,
    to,
    renamedChannels: Object.fromEntries(renamed.filter(([, name]) => !values.set.has(name))),
    dropped: [...values.drop].filter((name) => Object.hasOwn(checkpoint.channelValues, name)).sort(),
    set: [...values.set.keys()].sort(),
    renamedNodes: Object.fromEntries(due.filter(([old, name]) => old !== name)),
  };
}
