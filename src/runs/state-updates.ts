import { toCheckpoint } from "../engine/checkpoint.ts";
import { RunFailure } from "../engine/failure.ts";
import { inputWrites } from "../engine/input.ts";
import { END } from "../engine/names.ts";
import { applyUpdate, clearTasks, inferNode } from "../engine/update.ts";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Input } from "../gen/cairn/v1/run_service_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import type { Draft, ThreadKey, ThreadTail } from "../store/store.ts";
import { EventMaker } from "./event-bodies.ts";
import { chooseGraph, findIn, type Loaded, loadState } from "./load.ts";
import type { RunParts } from "./parts.ts";
import { allWrites } from "./tasks.ts";

/** What to write, as which node, to which checkpoint. */
export interface StateUpdate {
  key: ThreadKey;
  values: Input | undefined;
  asNode: string;
  checkpointId: string;
  graphName: string;
  /** Absent: don't care. */
  expectedHead: string | undefined;
}

/** The record that updates a thread's state as if a node had written. */
export async function updateDraft(parts: RunParts, update: StateUpdate, thread: ThreadTail): Promise<Draft> {
  const { key } = update;
  const stored = await findIn(parts, key, thread, update.checkpointId);
  const graph = await chooseGraph(parts, key, { name: update.graphName, hash: "", field: "graph_name" }, stored);
  const loaded = loadState(graph, key, "", stored);
  const { state } = loaded;
  const parentId = state.checkpointId === "" ? undefined : state.checkpointId;
  const previousVersions = new Map(state.versions);
  const node = await change(parts, update, loaded);
  const nowMs = parts.environment.clock.nowMs();
  const { checkpoint } = toCheckpoint(state, {
    id: parts.minter.mint(),
    threadId: key.thread,
    parentId,
    source: "update",
    runId: "",
    nowMs,
    createdAt: new Date(nowMs).toISOString(),
    metadata: new TextEncoder().encode("{}"),
    ran: [node],
    previousVersions,
  });
  const events = [new EventMaker("", "").checkpointSaved(checkpoint)];
  return { checkpoint, hasFreshId: true, events, status: ThreadStatus.IDLE, expectedHead: update.expectedHead };
}

/** Changes the state and says as which node. */
async function change(parts: RunParts, update: StateUpdate, loaded: Loaded): Promise<string> {
  const { state, statuses } = loaded;
  const values = Object.keys(update.values?.values ?? {});
  if (update.asNode === END) {
    if (values.length > 0) throw invalidField("as_node", "the exit only clears what is due: give no values with it");
    clearTasks(state, statuses);
    return END;
  }
  const name = update.asNode === "" ? inferNode(state) : update.asNode;
  const node = state.graph.nodes.get(name);
  if (node === undefined) throw nodeNotFound(state.graph.name, name);
  const writes = update.values === undefined ? [] : inputWrites(state.graph, update.values, "values");
  try {
    const context = {
      state,
      threadId: update.key.thread,
      runId: "",
      modules: parts.modules,
      signal: new AbortController().signal,
    };
    applyUpdate(state, name, await allWrites(node, { update: writes, goto: [] }, context));
  } catch (thrown) {
    throw thrown instanceof RunFailure ? refused(thrown) : thrown;
  }
  return name;
}

function refused(failure: RunFailure): CairnError {
  const { node, channel } = failure;
  return new CairnError(failure.reason, failure.message, { metadata: { node, channel } });
}

function nodeNotFound(graph: string, node: string): CairnError {
  return new CairnError(
    ErrorReason.NODE_NOT_FOUND,
    `graph ${JSON.stringify(graph)} has no node ${JSON.stringify(node)}`,
    {
      metadata: { graph, node },
      violations: [{ field: "as_node", description: "no such node" }],
    },
  );
}
