import { type CompiledSubgraph, namespaceOf } from "../engine/subgraph.ts";
import { isFinished } from "../engine/task-status.ts";
import { prepareTasks, type Task } from "../engine/tasks.ts";
import type { StoredCheckpoint, ThreadKey } from "../store/store.ts";
import { findStored, graphOf, type Loaded, loadState, subgraphOf } from "./load.ts";
import type { RunParts } from "./parts.ts";

type LoadParts = Pick<RunParts, "store" | "graphs">;

/**
 * Loads what the subgraphs of the tasks that are due have saved: the whole state of those that have not ended, where
 * the others left what they keep for the thread. With `asOf`, a record's position, what was written later is left out.
 */
export async function loadChildren(parts: LoadParts, key: ThreadKey, loaded: Loaded, asOf?: number): Promise<void> {
  const { nodes } = loaded.state.graph;
  await Promise.all(
    prepareTasks(loaded.state).map(async (task) => {
      const subgraph = nodes.get(task.node)?.subgraph;
      if (subgraph?.saved) await loadChild(parts, key, loaded, { task, subgraph, asOf });
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
  asOf: number | undefined;
}

async function loadChild(parts: LoadParts, key: ThreadKey, loaded: Loaded, called: Called): Promise<void> {
  const { task, subgraph, asOf } = called;
  const { state, statuses } = loaded;
  const namespace = namespaceOf(state.namespace, task, subgraph);
  const stored = await findStored(parts, key, namespace, "", asOf);
  // What keeps one state for the thread may stand where an earlier call left it.
  if (stored === undefined || stored.checkpoint.parents[state.namespace] !== state.checkpointId) return;
  if (isFinished(statuses.get(task.id))) {
    loaded.heads.set(task.id, headsOf(stored, subgraph));
    return;
  }
  const graph = await subgraphOf(parts, key.space, subgraph);
  const child = loadState(graph, key, namespace, stored);
  await loadChildren(parts, key, child, asOf);
  loaded.children.set(task.id, child);
}

function headsOf({ checkpoint }: StoredCheckpoint, { perThread }: CompiledSubgraph): Map<string, string> {
  const heads = new Map(Object.entries(checkpoint.subgraphHeads));
  if (perThread) heads.set(checkpoint.namespace, checkpoint.id);
  return heads;
}
