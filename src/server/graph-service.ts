import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { GraphRecord } from "../gen/cairn/store/v1/record_pb.ts";
import { type GraphSpec, GraphSpecSchema } from "../gen/cairn/v1/graph_pb.ts";
import {
  type DrawGraphRequest,
  DrawGraphResponseSchema,
  GetGraphResponseSchema,
  type GraphFault,
  GraphService,
  type GraphSource,
  ListGraphsResponseSchema,
  type RegisteredGraph,
  RegisteredGraphSchema,
  RegisterGraphResponseSchema,
  ValidateGraphResponseSchema,
} from "../gen/cairn/v1/graph_service_pb.ts";
import { drawGraph } from "../graphs/draw/draw.ts";
import { graphInvalid } from "../graphs/faults.ts";
import { readGraph } from "../graphs/read.ts";
import { registerGraph } from "../graphs/register.ts";
import { validateGraph } from "../graphs/validate.ts";
import { graphNotFound } from "../not-found.ts";
import type { Graphs } from "../runs/graphs.ts";
import { migrateThreads } from "../runs/migrate-threads.ts";
import type { CallContext } from "./context.ts";
import { type Drawable, threadToDraw } from "./draw-thread.ts";
import { pageSizeOf } from "./pages.ts";
import type { Runs } from "./runs.ts";
import { define, type Parts, type Service } from "./service.ts";

export function graphService(parts: Parts, { runParts, runner }: Runs): Service {
  const { store, environment } = parts;
  const { graphs } = runParts;
  return define(GraphService, {
    async registerGraph({ graph: source }, { space }) {
      const spec = valid(readSource(parts, source));
      const { graph, revision, created } = await registerGraph(store, environment.clock, space, spec);
      return create(RegisterGraphResponseSchema, { graph: registered(graph, revision, true), created });
    },
    async getGraph({ name, hash }, { space }) {
      const { graph, revision } = await existing(parts, space, name, hash);
      return create(GetGraphResponseSchema, { graph: registered(graph, revision, true) });
    },
    async listGraphs(request, { space }) {
      const page = await store.listGraphs(space, pageSizeOf(request), request.pageToken);
      return create(ListGraphsResponseSchema, {
        graphs: page.graphs.map(({ graph, revision }) => registered(graph, revision, false)),
        nextPageToken: page.nextPageToken,
      });
    },
    async validateGraph({ graph }) {
      return create(ValidateGraphResponseSchema, { faults: readSource(parts, graph).faults });
    },
    async drawGraph(request, context) {
      const { spec, marks } = await toDraw(parts, graphs, request, context);
      return create(DrawGraphResponseSchema, { mermaid: drawGraph(spec, { marks }) });
    },
    migrateThreads: (request, { space, signal }) => migrateThreads({ parts: runParts, runner }, space, request, signal),
  });
}

function readSource(parts: Parts, graph: GraphSource | undefined): { spec: GraphSpec; faults: GraphFault[] } {
  const source = graph?.source;
  if (source?.case === "text") return readGraph(source.value, parts);
  const spec = source?.value ?? create(GraphSpecSchema);
  return { spec, faults: validateGraph(spec, parts) };
}

function valid({ spec, faults }: { spec: GraphSpec; faults: GraphFault[] }): GraphSpec {
  if (faults.length > 0) throw graphInvalid(faults);
  return spec;
}

async function toDraw(
  parts: Parts,
  graphs: Graphs,
  { graph }: DrawGraphRequest,
  { space }: CallContext,
): Promise<Drawable> {
  if (graph.case === "source") return { spec: valid(readSource(parts, graph.value)) };
  if (graph.case === "thread") return threadToDraw({ store: parts.store, graphs }, space, graph.value);
  const found = await existing(parts, space, graph.value ?? "", "");
  return { spec: found.graph.spec ?? create(GraphSpecSchema) };
}

async function existing({ store }: Parts, space: string, name: string, hash: string) {
  const found = await store.getGraph(space, name, hash === "" ? undefined : hash);
  if (found !== undefined) return found;
  throw graphNotFound(name, hash);
}

function registered({ spec, hash, registeredAtMs }: GraphRecord, revision: number, whole: boolean): RegisteredGraph {
  return create(RegisteredGraphSchema, {
    name: spec?.name ?? "",
    hash,
    revision: BigInt(revision),
    registeredAt: timestampFromMs(Number(registeredAtMs)),
    spec: whole ? spec : undefined,
    description: spec?.description ?? "",
  });
}
