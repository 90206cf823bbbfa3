import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { GraphSpec } from "../gen/cairn/v1/graph_pb.ts";
import type { DrawnThread } from "../gen/cairn/v1/graph_service_pb.ts";
import { type Mark, marksOf } from "../graphs/draw/marks.ts";
import { threadNotFound } from "../not-found.ts";
import type { Graphs } from "../runs/graphs.ts";
import { readState } from "../runs/state-reader.ts";
import type { Store } from "../store/store.ts";

/** A graph, and how its nodes stand. */
export interface Drawable {
  spec: GraphSpec;
  marks?: ReadonlyMap<string, Mark>;
}

/** The graph that a thread ran, as its checkpoint names it, with where the thread stands. */
export async function threadToDraw(
  parts: { store: Store; graphs: Graphs },
  space: string,
  { threadId, namespace, checkpointId }: DrawnThread,
): Promise<Drawable> {
  const key = { space, thread: threadId };
  if (!(await parts.store.tail(key)).exists) throw threadNotFound(threadId);
  const state = await readState(parts, key, namespace, checkpointId);
  const { graphName, graphHash } = state;
  if (graphName === "") {
    const message = `the checkpoint of thread ${JSON.stringify(threadId)} was not made by a graph of Cairn's`;
    throw new CairnError(ErrorReason.ORIGIN_MISMATCH, message, { metadata: { thread_id: threadId } });
  }
  const { spec } = await parts.graphs.get(space, graphName, graphHash);
  return { spec, marks: marksOf(state) };
}
