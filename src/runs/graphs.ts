import { type CompiledGraph, compileGraph } from "../engine/graph.ts";
import { graphNotFound } from "../not-found.ts";
import type { Store } from "../store/store.ts";

/** Compiled graphs kept in memory. A graph is named by its content, so what is kept never goes stale. */
const keptMax = 256;

/** Registered graphs, ready to run. */
export class Graphs {
  readonly #store: Store;
  readonly #kept = new Map<string, CompiledGraph>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The graph with the hash, or the name's latest when the hash is empty. Throws GRAPH_NOT_FOUND. */
  async get(space: string, name: string, hash: string): Promise<CompiledGraph> {
    const kept = hash === "" ? undefined : this.#kept.get(keyOf(space, name, hash));
    if (kept !== undefined) return kept;
    const found = await this.#store.getGraph(space, name, hash === "" ? undefined : hash);
    if (found?.graph.spec === undefined) throw graphNotFound(name, hash);
    const key = keyOf(space, name, found.graph.hash);
    const compiled = this.#kept.get(key) ?? compileGraph(found.graph.spec, found.graph.hash);
    this.#keep(key, compiled);
    return compiled;
  }

  /** The part of a graph that inline subgraphs lead to, node by node. Throws GRAPH_NOT_FOUND. */
  async at(space: string, name: string, hash: string, path: readonly string[]): Promise<CompiledGraph> {
    let graph = await this.get(space, name, hash);
    for (const node of path) {
      const inner = graph.nodes.get(node)?.subgraph?.inline;
      if (inner === undefined) throw graphNotFound([name, ...path].join("/"), hash);
      graph = inner;
    }
    return graph;
  }

  #keep(key: string, graph: CompiledGraph): void {
    this.#kept.delete(key);
    this.#kept.set(key, graph);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptMax && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function keyOf(space: string, name: string, hash: string): string {
  return JSON.stringify([space, name, hash]);
}
