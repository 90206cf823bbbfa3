import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Services } from "./client.ts";
import type { GraphSpec, GraphSpecSchema } from "./gen/cairn/v1/graph_pb.ts";
import type { GraphFault, RegisteredGraph } from "./gen/cairn/v1/graph_service_pb.ts";
import { pages } from "./pages.ts";
import type { CallOptions } from "./service-calls.ts";
import { type MigrationProgress, toMigrationProgress } from "./thread-migration.ts";

/** A graph: the text of a graph file (YAML or JSON, at most 1 MiB), or the message. */
export type GraphInput = string | MessageInitShape<typeof GraphSpecSchema>;

/** A graph as it is registered. */
export interface GraphInfo {
  name: string;
  /** SHA-256 of its canonical form, in hexadecimal. */
  hash: string;
  /** Which registration under this name it is, from 1. */
  revision: number;
  registeredAt: Date | undefined;
  description: string;
  /** The graph; undefined in lists. */
  spec: GraphSpec | undefined;
}

/** The graphs of a space. */
export class Graphs {
  readonly #calls: Services["graphs"];

  constructor(calls: Services["graphs"]) {
    this.#calls = calls;
  }

  /**
   * Registers a graph under its name and makes it the name's latest. `created` is false when it already was. Throws
   * INVALID_ARGUMENT (GRAPH_INVALID) with every fault in `violations`.
   */
  async register(graph: GraphInput, options: CallOptions = {}): Promise<GraphInfo & { created: boolean }> {
    const response = await this.#calls.registerGraph({ graph: toSource(graph) }, options);
    return { ...toGraphInfo(response.graph), created: response.created };
  }

  /** Every fault of a graph, each with its path; none when it could be registered. */
  async validate(graph: GraphInput, options: CallOptions = {}): Promise<GraphFault[]> {
    return (await this.#calls.validateGraph({ graph: toSource(graph) }, options)).faults;
  }

  /** A registered graph as a Mermaid flowchart. Throws NOT_FOUND. */
  async draw(name: string, options: CallOptions = {}): Promise<string> {
    return (await this.#calls.drawGraph({ graph: { case: "name", value: name } }, options)).mermaid;
  }

  /** A graph that need not be registered as a Mermaid flowchart. Throws INVALID_ARGUMENT (GRAPH_INVALID). */
  async drawSource(graph: GraphInput, options: CallOptions = {}): Promise<string> {
    return (await this.#calls.drawGraph({ graph: { case: "source", value: toSource(graph) } }, options)).mermaid;
  }

  /**
   * The graph that a thread ran as a Mermaid flowchart, with its nodes marked by how they stand in the superstep after
   * the head, or after a checkpoint. Throws NOT_FOUND.
   */
  async drawThread(
    threadId: string,
    options: CallOptions & { namespace?: string; checkpointId?: string } = {},
  ): Promise<string> {
    const { namespace, checkpointId } = options;
    const value = { threadId, namespace, checkpointId };
    return (await this.#calls.drawGraph({ graph: { case: "thread", value } }, options)).mermaid;
  }

  /** Reads a graph, by default the name's latest. Throws NOT_FOUND. */
  async get(name: string, options: CallOptions & { hash?: string } = {}): Promise<GraphInfo> {
    return toGraphInfo((await this.#calls.getGraph({ name, hash: options.hash }, options)).graph);
  }

  /**
   * Brings the threads of a graph to the schema_version of its latest spec, or with `dryRun` only tries to. Tells of each
   * one that was at another version, and after each page of threads how far it is. May be broken off and called again.
   * Throws NOT_FOUND.
   */
  async *migrate(name: string, options: CallOptions & { dryRun?: boolean } = {}): AsyncGenerator<MigrationProgress> {
    const told = this.#calls.migrateThreads({ name, dryRun: options.dryRun }, options);
    for await (const response of told) yield toMigrationProgress(response);
  }

  /** The latest graph of each name, by name, without their specs. */
  list(options: CallOptions & { pageSize?: number } = {}): AsyncGenerator<GraphInfo> {
    return pages(async (pageToken) => {
      const { graphs, nextPageToken } = await this.#calls.listGraphs(
        { pageSize: options.pageSize, pageToken },
        options,
      );
      return { items: graphs.map(toGraphInfo), nextPageToken };
    });
  }
}

function toSource(graph: GraphInput) {
  const source =
    typeof graph === "string" ? { case: "text" as const, value: graph } : { case: "spec" as const, value: graph };
  return { source };
}

function toGraphInfo(graph: RegisteredGraph | undefined): GraphInfo {
  return {
    name: graph?.name ?? "",
    hash: graph?.hash ?? "",
    revision: Number(graph?.revision ?? 0n),
    registeredAt: graph?.registeredAt && timestampDate(graph.registeredAt),
    description: graph?.description ?? "",
    spec: graph?.spec,
  };
}
