import { passBreakpoints } from "../engine/breakpoints.ts";
import { toCheckpoint } from "../engine/checkpoint.ts";
import { namespaceOf } from "../engine/subgraph.ts";
import { prepareTasks, type Task } from "../engine/tasks.ts";
import { CairnError, invalidField } from "../errors.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { DraftWrites, StoredCheckpoint, ThreadKey } from "../store/store.ts";
import { beginAnew, findStored, type Loaded, subgraphOf } from "./load.ts";
import { loadForRun } from "./load-for-run.ts";
import type { RunParts } from "./parts.ts";
import { type RunPlan, stampOf } from "./run-plan.ts";

/** The checkpoint of a subgraph that a call goes on from, and that of the outermost graph which had called it. */
export interface Destination {
  stored: StoredCheckpoint;
  rootCheckpointId: string;
}

/** Where a call goes that names a subgraph's checkpoint. Throws CHECKPOINT_NOT_FOUND. */
export async function destinationOf(
  parts: RunParts,
  key: ThreadKey,
  namespace: string,
  checkpointId: string,
): Promise<Destination> {
  if (checkpointId === "") throw invalidField("options.checkpoint_id", "name the subgraph's checkpoint to go on from");
  const stored = (await findStored(parts, key, namespace, checkpointId)) as StoredCheckpoint;
  return { stored, rootCheckpointId: stored.checkpoint.parents[""] ?? "" };
}

/** A subgraph's state, which tasks go on from, and the checkpoint that is to be saved before they do, with their writes. */
export interface Fork {
  loaded: Loaded;
  checkpoint: Checkpoint;
  writes: DraftWrites[];
}

/**
 * Puts the subgraph where it is to go on from, and those around it where they had called it, each as a fork. `root` has
 * been forked already; `before` are the tasks that were due in it then. Gives the forks, the outermost first.
 */
export async function travelInto(
  parts: RunParts,
  plan: RunPlan,
  root: Loaded,
  before: readonly Task[],
  { stored }: Destination,
): Promise<Fork[]> {
  const { namespace, parents } = stored.checkpoint;
  const forks: Fork[] = [];
  let outer = root;
  let outerNamespace = "";
  let due = before;
  for (const inner of levelsOf(namespace)) {
    const isLast = inner === namespace;
    const own = isLast ? stored : await findStored(parts, plan.key, inner, parents[inner] ?? "");
    const next = await forkOf(parts, plan, { outer, outerNamespace, due, inner }, own as StoredCheckpoint);
    forks.push(next.fork);
    outer = next.fork.loaded;
    due = next.due;
    outerNamespace = inner;
  }
  return forks;
}

/** A step from one graph into the next. Namespaces are those that were, as tasks have other ids in a fork. */
interface Step {
  outer: Loaded;
  outerNamespace: string;
  due: readonly Task[];
  inner: string;
}

async function forkOf(
  parts: RunParts,
  plan: RunPlan,
  { outer, outerNamespace, due, inner }: Step,
  stored: StoredCheckpoint,
): Promise<{ fork: Fork; due: readonly Task[] }> {
  const { nodes } = outer.state.graph;
  const caller = due.find((task) => {
    const subgraph = nodes.get(task.node)?.subgraph;
    return subgraph?.saved && namespaceOf(outerNamespace, task, subgraph) === inner;
  });
  const task = prepareTasks(outer.state).find(({ path, node }) => path === caller?.path && node === caller.node);
  const subgraph = task && nodes.get(task.node)?.subgraph;
  if (task === undefined || subgraph === undefined) throw notCalledThere(plan.key, inner, stored);
  const graph = await subgraphOf(parts, plan.key.space, subgraph);
  const dueInside = prepareTasks((await loadForRun(parts, graph, plan.key, inner, stored)).state);
  const namespace = namespaceOf(outer.state.namespace, task, subgraph);
  const parents = { ...outer.state.parents, [outer.state.namespace]: outer.state.checkpointId };
  const moved = { ...stored, checkpoint: { ...stored.checkpoint, namespace, parents } };
  const loaded = await loadForRun(parts, graph, plan.key, namespace, moved);
  const { state } = loaded;
  passBreakpoints(state);
  const { checkpoint } = toCheckpoint(state, {
    ...stampOf(parts, plan),
    parentId: subgraph.perThread ? state.checkpointId : undefined,
    source: "fork",
    ran: [],
    previousVersions: new Map(state.versions),
  });
  beginAnew(loaded);
  outer.children.set(task.id, loaded);
  return { fork: { loaded, checkpoint, writes: [] }, due: dueInside };
}

/** `a:1|b:2` lies in `a:1`. */
function levelsOf(namespace: string): string[] {
  const names = namespace.split("|");
  return names.map((_, i) => names.slice(0, i + 1).join("|"));
}

function notCalledThere({ thread }: ThreadKey, namespace: string, { checkpoint }: StoredCheckpoint): CairnError {
  const message = `the graph around checkpoint ${JSON.stringify(checkpoint.id)} does not call the subgraph ${JSON.stringify(namespace)}`;
  return new CairnError(ErrorReason.CHECKPOINT_NOT_FOUND, message, {
    metadata: { thread_id: thread, namespace, checkpoint_id: checkpoint.id },
  });
}
