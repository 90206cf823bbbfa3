import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { applyWrites } from "./apply.ts";
import { BREAKPOINT, START } from "./names.ts";
import type { GraphState } from "./state.ts";
import type { TaskStatus } from "./task-status.ts";
import { prepareTasks } from "./tasks.ts";
import type { Write } from "./write.ts";

/**
 * The node that an update of the state is taken to come from when none is named: the one that wrote last
 * (LangGraph's rule). Throws AMBIGUOUS_UPDATE when several did.
 */
export function inferNode(state: GraphState): string {
  if (![...state.seen.values()].some((seen) => seen.size > 0)) return START;
  const last = [...state.seen]
    .filter(([node]) => node !== BREAKPOINT && state.graph.nodes.has(node))
    .flatMap(([node, seen]) => [...seen.values()].map((version) => ({ node, version })))
    .sort((a, b) => a.version - b.version);
  const [newest, second] = [last.at(-1), last.at(-2)];
  if (newest !== undefined && newest.version !== second?.version) return newest.node;
  throw new CairnError(ErrorReason.AMBIGUOUS_UPDATE, "as_node: no single node wrote last; name the node to write as", {
    metadata: { field: "as_node" },
    violations: [{ field: "as_node", description: "name the node to write as" }],
  });
}

/** Applies updates as if the nodes had run in one superstep and made these writes. */
export function applyUpdates(state: GraphState, updates: readonly { node: string; writes: Write[] }[]): void {
  const tasks = updates.map(({ node, writes }, i) => {
    return { node, path: `~update, ${String(i).padStart(10, "0")}`, triggers: [BREAKPOINT], writes };
  });
  applyWrites(state, tasks);
  beginAfresh(state);
}

/** Clears what is due: finished tasks' results are applied, the others are dropped. */
export function clearTasks(state: GraphState, statuses: ReadonlyMap<string, TaskStatus>): void {
  applyWrites(
    state,
    prepareTasks(state).map((task) => ({ ...task, writes: statuses.get(task.id)?.writes ?? [] })),
  );
  beginAfresh(state);
}

/** After an update every node's triggers are looked at, and a thread without checkpoints begins at step 0. */
function beginAfresh(state: GraphState): void {
  state.updated = undefined;
  if (state.checkpointId === "") state.step = -1;
}
