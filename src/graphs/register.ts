import { create } from "@bufbuild/protobuf";
import { type GraphRecord, GraphRecordSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { GraphSpec } from "../gen/cairn/v1/graph_pb.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "../system/environment.ts";
import { graphHash } from "./hash.ts";

/** Makes a valid graph its name's latest. */
export async function registerGraph(
  store: Store,
  clock: Clock,
  space: string,
  spec: GraphSpec,
): Promise<{ graph: GraphRecord; revision: number; created: boolean }> {
  const registeredAtMs = BigInt(clock.nowMs());
  const graph = create(GraphRecordSchema, { spec, hash: graphHash(spec), registeredAtMs });
  return { graph, ...(await store.putGraph(space, graph)) };
}
