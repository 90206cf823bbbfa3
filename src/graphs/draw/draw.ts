import type { GraphSpec, NodeSpec } from "../../gen/cairn/v1/graph_pb.ts";
import { edgeLines } from "./edges.ts";
import { quoted } from "./label.ts";
import { classLines, type Mark } from "./marks.ts";

export interface DrawOptions {
  /** Registered graphs to draw in place of the nodes that name them. */
  graphs?: ReadonlyMap<string, GraphSpec>;
  /** How nodes of the outermost graph stand. */
  marks?: ReadonlyMap<string, Mark>;
}

/**
 * Draws a graph as a Mermaid flowchart; graphs.md has the legend. Nodes get ids of our own, because Mermaid has words
 * that break as ids (`end`), and names can be anything.
 */
export function drawGraph(spec: GraphSpec, { graphs, marks }: DrawOptions = {}): string {
  const drawing = new Drawing(graphs ?? new Map());
  const ids = drawing.graph(spec, "", [spec.name]);
  const marked = [...(marks ?? [])].flatMap(([name, mark]): [string, Mark][] => {
    const id = ids.get(name);
    return id === undefined ? [] : [[id, mark]];
  });
  const lines = [...drawing.lines, ...drawing.deferredLines(), ...classLines(marked)];
  return `flowchart TD\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

class Drawing {
  readonly lines: string[] = [];
  readonly #graphs: ReadonlyMap<string, GraphSpec>;
  readonly #deferred: string[] = [];

  constructor(graphs: ReadonlyMap<string, GraphSpec>) {
    this.#graphs = graphs;
  }

  /** Lines of one graph. Its ids begin with the prefix; `open` are the registered graphs that it is drawn within. */
  graph(spec: GraphSpec, prefix: string, open: readonly string[]): ReadonlyMap<string, string> {
    const names = Object.keys(spec.nodes);
    const ids = new Map(names.map((name, i) => [name, `${prefix}n${i}`]));
    ids.set("__start__", `${prefix}start`);
    ids.set("__end__", `${prefix}finish`);
    this.lines.push(`${prefix}start(["START"])`);
    for (const [name, node] of Object.entries(spec.nodes)) this.#node(spec, name, node, ids.get(name) ?? "", open);
    this.lines.push(`${prefix}finish(["END"])`);
    for (const line of edgeLines(spec, prefix, ids)) this.lines.push(line);
    return ids;
  }

  /** Deferred nodes have a dashed border. */
  deferredLines(): string[] {
    if (this.#deferred.length === 0) return [];
    return ["classDef deferred stroke-dasharray:6 4", `class ${this.#deferred.join(",")} deferred`];
  }

  #node(spec: GraphSpec, name: string, node: NodeSpec, id: string, open: readonly string[]): void {
    if (node.defer) this.#deferred.push(id);
    const lines = [name, ...remarks(spec, name, node)];
    const { kind } = node;
    if (kind.case !== "subgraph") {
      const label = quoted(...lines);
      // A slanted box, as where a person enters something.
      this.lines.push(kind.case === "ask" ? `${id}[/${label}/]` : `${id}[${label}]`);
      return;
    }
    const { graph } = kind.value;
    const called = graph.case === "name" ? graph.value : "";
    // A graph that is within itself has no end.
    const inner = graph.case === "inline" ? graph.value : open.includes(called) ? undefined : this.#graphs.get(called);
    const title = quoted(...lines, ...(graph.case === "name" ? [`graph ${called}`] : []));
    if (inner === undefined) {
      this.lines.push(`${id}[[${title}]]`);
      return;
    }
    this.lines.push(`subgraph ${id} [${title}]`);
    const outer = this.lines.length;
    this.graph(inner, `${id}_`, called === "" ? open : [...open, called]);
    for (let i = outer; i < this.lines.length; i++) this.lines[i] = `  ${this.lines[i]}`;
    this.lines.push("end");
  }
}

/** What is to be known of a node besides its name. */
function remarks({ interruptBefore, interruptAfter }: GraphSpec, name: string, node: NodeSpec): string[] {
  const stops = (list: string[]) => list.includes(name) || list.includes("*");
  return [
    stops(interruptBefore) ? "stop before" : "",
    stops(interruptAfter) ? "stop after" : "",
    node.defer ? "deferred" : "",
  ].filter((remark) => remark !== "");
}
