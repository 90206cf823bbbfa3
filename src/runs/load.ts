import { Cell } from "../engine/cell.ts";
import { emptyState, graphPathOf, stateOf } from "../engine/checkpoint.ts";
import type { CompiledGraph } from "../engine/graph.ts";
import type { SavedState, StepChanges } from "../engine/migrate.ts";
import { schemaMismatch } from "../engine/migrations.ts";
import { isControl, START } from "../engine/names.ts";
import { nativeFault } from "../engine/native-fault.ts";
import type { GraphState } from "../engine/state.ts";
import type { CompiledSubgraph } from "../engine/subgraph.ts";
import { type CellSource, readStatuses, type TaskStatus } from "../engine/task-status.ts";
import { CairnError } from "../errors.ts";
import { type Checkpoint, Origin, type PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { checkpointNotFound } from "../not-found.ts";
import { originName } from "../origins/origin-name.ts";
import type { StoredCheckpoint, ThreadKey, ThreadTail } from "../store/store.ts";
import type { RunParts } from "./parts.ts";

/** Where a thread stands, decoded. */
export interface Loaded {
  /** The checkpoint it stands at; absent before any. */
  stored: StoredCheckpoint | undefined;
  state: GraphState;
  /** What the saved writes say of the tasks that are due. */
  statuses: Map<string, TaskStatus>;
  /** The subgraphs that tasks which are due have begun, by the task. */
  children: Map<string, Loaded>;
  /** Where subgraphs that keep one state for the thread stand after tasks which have finished, by the task. */
  heads: Map<string, ReadonlyMap<string, string>>;
  /** Set when the state was saved under an older schema_version and no checkpoint holds it in the new one yet. */
  migrated: Migrated | undefined;
}

/** What a state was before it was migrated, and what is to be saved with it. */
export interface Migrated {
  /** The saved writes of the tasks that are due, in the new names. */
  writes: PendingWrite[];
  /** The channels' versions as they were. */
  previousVersions: ReadonlyMap<string, number>;
  steps: StepChanges[];
  /** Why what is due can't be gone on with, though an input, an update or a fork can begin anew. */
  missed: CairnError | undefined;
}

/** Which graph to load a state for: the caller's choice, else the one that the checkpoint names. */
export interface GraphChoice {
  name: string;
  hash: string;
  /** The field of the request that names it. */
  field: string;
}

/** A checkpoint of the thread: the head, or the one named. Throws CHECKPOINT_NOT_FOUND for one that is named. */
export async function findStored(
  { store }: Pick<RunParts, "store">,
  key: ThreadKey,
  namespace: string,
  checkpointId: string,
  asOf?: number,
): Promise<StoredCheckpoint | undefined> {
  const which = checkpointId === "" ? ({ latestBy: "seq" } as const) : { id: checkpointId };
  const stored = await store.getCheckpoint(key, namespace, which, { view: "full", asOf });
  if (stored === undefined && checkpointId !== "") throw checkpointNotFound(checkpointId, { ...key, namespace });
  return stored;
}

/**
 * As `findStored`, for a thread whose end is known and that need not exist: it has no checkpoint then, but none that is
 * named either. The head's id is known as well, and by its id a checkpoint comes together with its writes.
 */
export async function findIn(
  parts: Pick<RunParts, "store">,
  key: ThreadKey,
  { exists, tail }: ThreadTail,
  checkpointId: string,
): Promise<StoredCheckpoint | undefined> {
  if (exists) return findStored(parts, key, "", checkpointId || tail.headCheckpointId);
  if (checkpointId !== "") throw checkpointNotFound(checkpointId, key);
  return undefined;
}

/** The graph a run is to use: by the caller's choice, else the one that the thread last ran, in its latest form. */
export async function chooseGraph(
  { graphs }: Pick<RunParts, "graphs">,
  key: ThreadKey,
  choice: GraphChoice,
  stored: StoredCheckpoint | undefined,
): Promise<CompiledGraph> {
  const name = choice.name === "" ? (stored?.checkpoint.graphName ?? "") : choice.name;
  if (name !== "") return graphs.get(key.space, name, choice.hash);
  const { field } = choice;
  throw new CairnError(ErrorReason.INVALID_FIELD, `${field}: a thread that no graph has run needs one`, {
    metadata: { field },
    violations: [{ field, description: "name the graph to run" }],
  });
}

/** The graph of a node that is one: a part of the enclosing graph, or the latest that is registered under its name. */
export async function subgraphOf(
  { graphs }: Pick<RunParts, "graphs">,
  space: string,
  { inline, name }: CompiledSubgraph,
): Promise<CompiledGraph> {
  return inline ?? (await graphs.get(space, name, ""));
}

/** The graph that made a native checkpoint, in the form it had then. Throws GRAPH_NOT_FOUND. */
export async function graphOf(
  { graphs }: Pick<RunParts, "graphs">,
  space: string,
  checkpoint: Checkpoint,
): Promise<CompiledGraph> {
  const { graphName = "", graphHash = "" } = checkpoint;
  return graphs.at(space, graphName, graphHash, graphPathOf(checkpoint) ?? []);
}

/** Decodes a checkpoint for a graph. Throws when the graph can't go on from it: nothing may be dropped silently. */
export function loadState(
  graph: CompiledGraph,
  key: ThreadKey,
  namespace: string,
  stored: StoredCheckpoint | undefined,
): Loaded {
  if (stored === undefined) {
    return { stored, state: emptyState(graph, namespace), statuses: new Map(), ...nothingElse() };
  }
  refuseForeign(key, stored);
  const { checkpoint, writes } = stored;
  const { schemaVersion = 0 } = checkpoint;
  if (schemaVersion !== graph.spec.schemaVersion) {
    throw schemaMismatch(schemaVersion, graph.spec.schemaVersion, "only a run can migrate it");
  }
  return loadedFrom(graph, stored, { checkpoint, writes }, cellSource(stored));
}

/** As `loadState`, of what is stored in the names of the graph's schema_version. Throws GRAPH_MISMATCH. */
export function loadedFrom(
  graph: CompiledGraph,
  stored: StoredCheckpoint,
  { checkpoint, writes }: Pick<SavedState, "checkpoint" | "writes">,
  cellOf: CellSource,
): Loaded {
  refuseMismatch(graph, checkpoint);
  return {
    stored,
    state: stateOf(graph, checkpoint, cellOf),
    statuses: readStatuses(writes, cellOf),
    ...nothingElse(),
  };
}

function nothingElse(): Pick<Loaded, "children" | "heads" | "migrated"> {
  return { children: new Map(), heads: new Map(), migrated: undefined };
}

/** Forgets what was known of the tasks: those that are due from now on are others. */
export function beginAnew(loaded: Loaded): void {
  for (const ofTasks of [loaded.statuses, loaded.children, loaded.heads]) ofTasks.clear();
  loaded.migrated = undefined;
}

/** One cell for each reference, so that what was stored once is decoded and sent once. */
export function cellSource(stored: StoredCheckpoint): CellSource {
  const cells = new Map<string, Cell>();
  return ({ source }) => {
    // What a migration has computed is not stored yet.
    if (source.case === "inline") return new Cell(source.value);
    const ref = source.case === "ref" ? source.value : "";
    const known = cells.get(ref);
    if (known !== undefined) return known;
    const typed = stored.values.get(ref)?.value;
    if (typed === undefined) {
      throw new CairnError(ErrorReason.DATA_CORRUPT, `the value ${JSON.stringify(ref)} is missing`, {
        metadata: { ref },
      });
    }
    const cell = new Cell(typed, ref);
    cells.set(ref, cell);
    return cell;
  };
}

/** Throws ORIGIN_MISMATCH for what another framework's engine has written, or none at all. */
export function refuseForeign(key: ThreadKey, { checkpoint }: StoredCheckpoint): void {
  if (checkpoint.origin === Origin.NATIVE) {
    const fault = nativeFault(checkpoint);
    if (fault === undefined) return;
    throw new CairnError(
      ErrorReason.ORIGIN_MISMATCH,
      `the checkpoint says it is native, but Cairn's engine can't have written its ${fault.field}: ${fault.description}`,
      { metadata: { thread_id: key.thread, checkpoint_id: checkpoint.id, origin: "native", field: fault.field } },
    );
  }
  const origin = originName(checkpoint.origin);
  throw new CairnError(
    ErrorReason.ORIGIN_MISMATCH,
    `the checkpoint was written by ${origin}: fork it into a graph with a channel_mapping to run it here`,
    { metadata: { thread_id: key.thread, checkpoint_id: checkpoint.id, origin } },
  );
}

/** A pending node or a channel that the graph lacks is an error that names it. */
function refuseMismatch(graph: CompiledGraph, checkpoint: Checkpoint): void {
  const node = checkpoint.nextNodes.find((name) => name !== START && !graph.nodes.has(name));
  if (node !== undefined) throw graphMismatch(graph, "node", node, "waits to run");
  const channel = Object.keys(checkpoint.channelValues).find((name) => !graph.channels.has(name) && !isControl(name));
  if (channel !== undefined) throw graphMismatch(graph, "channel", channel, "holds a value");
}

export function graphMismatch(graph: CompiledGraph, kind: "node" | "channel", name: string, why: string): CairnError {
  return new CairnError(
    ErrorReason.GRAPH_MISMATCH,
    `${kind} ${JSON.stringify(name)} ${why} in the thread, but graph ${JSON.stringify(graph.name)} no longer has it`,
    { metadata: { graph: graph.name, hash: graph.hash, [kind]: name } },
  );
}
