import { toCheckpoint } from "../engine/checkpoint.ts";
import { RunFailure } from "../engine/failure.ts";
import { inputWrites } from "../engine/input.ts";
import { END } from "../engine/names.ts";
import { applyUpdates, clearTasks, inferNode } from "../engine/update.ts";
import type { Write } from "../engine/write.ts";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Input } from "../gen/cairn/v1/run_service_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { checkpointNotFound } from "../not-found.ts";
import type { Draft, ThreadKey, ThreadTail } from "../store/store.ts";
import { EMPTY_METADATA } from "../store/thread-record.ts";
import { EventMaker } from "./event-bodies.ts";
import { chooseGraph, findIn, findStored, graphOf, type Loaded, loadState } from "./load.ts";
import { loadForRun } from "./load-for-run.ts";
import type { RunParts } from "./parts.ts";
import { type ChannelMapping, takenOver, takeOverMetadata } from "./take-over.ts";
import { allWrites, type NodeContext } from "./tasks.ts";

/** Updates of one superstep: what to write, as which nodes, to which checkpoint. */
export interface StateUpdates {
  key: ThreadKey;
  updates: readonly { values?: Input | undefined; asNode: string }[];
  namespace: string;
  checkpointId: string;
  graphName: string;
  /** Absent: don't care. */
  expectedHead: string | undefined;
  /** Forks a checkpoint of another framework's: what the graph's channels begin with. Absent: it must be the graph's own. */
  channelMapping?: ChannelMapping;
}

/** Stands in for a node's name: the update makes a sibling of the checkpoint. */
const COPY = "__copy__";

/** The record that updates a thread's state as if nodes had written. */
export async function updateDraft(parts: RunParts, update: StateUpdates, thread: ThreadTail): Promise<Draft> {
  const { key, namespace, expectedHead, channelMapping } = update;
  const loaded = channelMapping ? await loadTakeOver(parts, update, thread) : await load(parts, update, thread);
  const { state, stored, migrated } = loaded;
  const isCopy = update.updates.some(({ asNode }) => asNode === COPY);
  const parentId = isCopy ? stored?.checkpoint.parentId : state.checkpointId || undefined;
  const previousVersions = migrated?.previousVersions ?? new Map(state.versions);
  const ran = await change(parts, update, loaded);
  const { checkpoint } = toCheckpoint(state, {
    id: parts.minter.mint(),
    threadId: key.thread,
    parentId,
    source: isCopy || channelMapping ? "fork" : "update",
    runId: "",
    nowMs: parts.environment.clock.nowMs(),
    metadata: channelMapping && stored ? takeOverMetadata(stored, channelMapping) : EMPTY_METADATA,
    ran,
    previousVersions,
  });
  const events = [new EventMaker("", namespace).checkpointSaved(checkpoint)];
  // A subgraph's update leaves the thread where it stands.
  const status = namespace === "" ? ThreadStatus.IDLE : undefined;
  return { checkpoint, hasFreshId: true, events, status, expectedHead };
}

async function load(parts: RunParts, update: StateUpdates, thread: ThreadTail): Promise<Loaded> {
  const { key, namespace, checkpointId, graphName } = update;
  if (namespace === "") {
    const stored = await findIn(parts, key, thread, checkpointId);
    const graph = await chooseGraph(parts, key, { name: graphName, hash: "", field: "graph_name" }, stored);
    return await loadForRun(parts, graph, key, "", stored);
  }
  const stored = thread.exists ? await findStored(parts, key, namespace, checkpointId) : undefined;
  if (stored === undefined) throw checkpointNotFound(checkpointId || undefined, { ...key, namespace });
  return loadState(await graphOf(parts, key.space, stored.checkpoint), key, namespace, stored);
}

/** An empty state of the graph, that follows a checkpoint of another framework's. */
async function loadTakeOver(parts: RunParts, update: StateUpdates, thread: ThreadTail): Promise<Loaded> {
  const { key, namespace, checkpointId, graphName, updates } = update;
  if (namespace !== "") throw invalidField("namespace", "must be empty: the outermost graph takes a checkpoint over");
  const [{ asNode } = { asNode: "" }] = updates;
  if (asNode === END || asNode === COPY) throw invalidField("as_node", `${asNode} takes no values over`);
  const stored = await findIn(parts, key, thread, checkpointId);
  if (stored === undefined) throw checkpointNotFound(undefined, key);
  const graph = await chooseGraph(parts, key, { name: graphName, hash: "", field: "graph_name" }, undefined);
  const loaded = loadState(graph, key, "", undefined);
  loaded.state.checkpointId = stored.checkpoint.id;
  loaded.state.step = Number(stored.checkpoint.step ?? -1n);
  return { ...loaded, stored };
}

/** Changes the state and says as which nodes. */
async function change(
  parts: RunParts,
  { key, updates, channelMapping }: StateUpdates,
  loaded: Loaded,
): Promise<string[]> {
  const { state, stored, statuses, migrated } = loaded;
  const alone = updates.find(({ asNode }) => asNode === END || asNode === COPY);
  if (alone !== undefined) {
    if (updates.length > 1) throw invalidField("as_node", `${alone.asNode} can't be one of several updates`);
    if (Object.keys(alone.values?.values ?? {}).length > 0) {
      throw invalidField("as_node", `${alone.asNode} takes no values: it changes what is due, not the state`);
    }
    if (alone.asNode === END) {
      // The finished tasks' results are applied.
      if (migrated?.missed !== undefined) throw migrated.missed;
      clearTasks(state, statuses);
    }
    return [alone.asNode];
  }
  const context = {
    space: key.space,
    state,
    threadId: key.thread,
    runId: "",
    modules: parts.modules,
    workers: parts.workers,
    environment: parts.environment,
    signal: new AbortController().signal,
  };
  try {
    const taken = channelMapping && stored ? takenOver(state.graph, stored, channelMapping) : [];
    const written = await Promise.all(updates.map((update) => writesOf(update, taken, context)));
    applyUpdates(state, written);
    return written.map(({ node }) => node);
  } catch (thrown) {
    throw thrown instanceof RunFailure ? refused(thrown) : thrown;
  }
}

async function writesOf(
  { values, asNode }: StateUpdates["updates"][number],
  taken: Write[],
  context: NodeContext,
): Promise<{ node: string; writes: Write[] }> {
  const { state } = context;
  const name = asNode === "" ? inferNode(state) : asNode;
  const node = state.graph.nodes.get(name);
  if (node === undefined) throw nodeNotFound(state.graph.name, name);
  const given = values === undefined ? [] : inputWrites(state.graph, values, "values");
  const twice = taken.find(({ channel }) => given.some((write) => write.channel === channel));
  if (twice !== undefined) {
    throw invalidField(`channel_mapping[${JSON.stringify(twice.channel)}]`, "is given by values as well");
  }
  const update = [...taken, ...given];
  return { node: name, writes: await allWrites(node, { update, goto: [] }, context) };
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
