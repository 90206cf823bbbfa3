import { knownAs } from "../engine/kept-tasks.ts";
import { type CompiledSubgraph, namespaceOf, nodePath } from "../engine/subgraph.ts";
import { isFinished } from "../engine/task-status.ts";
import { prepareTasks, type Task } from "../engine/tasks.ts";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { StoredCheckpoint, ThreadKey } from "../store/store.ts";
import { findStored, graphOf, type Loaded, loadState, subgraphOf } from "./load.ts";
import { loadForRun } from "./load-for-run.ts";
import type { RunParts } from "./parts.ts";

type LoadParts = Pick<RunParts, "store" | "graphs">;

/** How a subgraph's checkpoint is loaded. */
type LoadOne = (subgraph: CompiledSubgraph, namespace: string, stored: StoredCheckpoint) => Promise<Loaded>;

/**
 * Loads what the subgraphs of the tasks that are due have saved, as it was saved: the whole state of those that have not
 * ended, where the others left what they keep for the thread. With `asOf`, a record's position, what was written later
 * is left out.
 */
export async function loadChildren(parts: LoadParts, key: ThreadKey, loaded: Loaded, asOf?: number): Promise<void> {
  await loadBelow(parts, key, loaded, {
    asOf,
    async loadOne(subgraph, namespace, stored) {
      const isNamed = stored.checkpoint.graphName !== undefined;
      const graph = await (isNamed
        ? graphOf(parts, key.space, stored.checkpoint)
        : subgraphOf(parts, key.space, subgraph));
      return loadState(graph, key, namespace, stored);
    },
  });
}

/** The same for a run that goes on in them: in the graphs as they are now, and migrated to these. */
export async function loadChildrenForRun(parts: RunParts, key: ThreadKey, loaded: Loaded): Promise<void> {
  await loadBelow(parts, key, loaded, {
    asOf: undefined,
    async loadOne(subgraph, namespace, stored) {
      return loadForRun(parts, await subgraphOf(parts, key.space, subgraph), key, namespace, stored);
    },
  });
}

interface Below {
  asOf: number | undefined;
  loadOne: LoadOne;
}

async function loadBelow(parts: LoadParts, key: ThreadKey, loaded: Loaded, below: Below): Promise<void> {
  const { nodes } = loaded.state.graph;
  await Promise.all(
    prepareTasks(loaded.state).map(async (task) => {
      const subgraph = nodes.get(task.node)?.subgraph;
      if (subgraph?.saved) await loadChild(parts, key, loaded, { task, subgraph, below });
    }),
  );
}

/** A native checkpoint's whole state, its subgraphs as well, in the graph that made it. Throws GRAPH_NOT_FOUND. */
export async function loadWhole(
  parts: LoadParts,
  key: ThreadKey,
  stored: StoredCheckpoint,
  asOf?: number,
): Promise<Loaded> {
  const { checkpoint } = stored;
  const loaded = loadState(await graphOf(parts, key.space, checkpoint), key, checkpoint.namespace, stored);
  await loadChildren(parts, key, loaded, asOf);
  return loaded;
}

interface Called {
  task: Task;
  subgraph: CompiledSubgraph;
  below: Below;
}

async function loadChild(parts: LoadParts, key: ThreadKey, loaded: Loaded, called: Called): Promise<void> {
  const { task, subgraph, below } = called;
  const { state, statuses } = loaded;
  const namespace = namespaceOf(state.namespace, task, subgraph);
  const stored = await findStored(parts, key, namespace, "", below.asOf);
  // What keeps one state for the thread may stand where an earlier call left it.
  if (stored === undefined || stored.checkpoint.parents[state.namespace] !== knownAs(state)) return;
  if (isFinished(statuses.get(task.id))) {
    loaded.heads.set(task.id, headsOf(stored, subgraph));
    return;
  }
  const child = await below.loadOne(subgraph, namespace, stored);
  refuseKeptSubgraph(child, task, subgraph);
  await loadBelow(parts, key, child, below);
  loaded.children.set(task.id, child);
}

/** What keeps one state for the thread keeps it under the names of the nodes that lead there. */
function refuseKeptSubgraph({ state }: Loaded, { node, calledAs }: Task, { perThread }: CompiledSubgraph): void {
  if (calledAs === undefined) return;
  const own = nodePath(state.namespace).join("|");
  const kept = [...state.heads.keys()].find((head) => head.startsWith(`${own}|`));
  if (!perThread && kept === undefined) return;
  throw new CairnError(
    ErrorReason.MIGRATION_FAILED,
    `node ${JSON.stringify(calledAs)} can't be renamed to ${JSON.stringify(node)}: the thread keeps the state of subgraph ${JSON.stringify(kept ?? own)} under this name`,
    { metadata: { node: calledAs, namespace: kept ?? own } },
  );
}

function headsOf({ checkpoint }: StoredCheckpoint, { perThread }: CompiledSubgraph): Map<string, string> {
  const heads = new Map(Object.entries(checkpoint.subgraphHeads));
  if (perThread) heads.set(checkpoint.namespace, checkpoint.id);
  return heads;
}
