// Which nodes a superstep leads to. Sets of names only: who was called, who has arrived where, who waits.
import type { CaseGraph } from "../parity/case.ts";
import type { Send, Target } from "./nodes.ts";

/** A task that has finished: what ran, whether a Send began it, where it led besides its edges. */
export interface Ran {
  node: string;
  isSend: boolean;
  targets: readonly Target[];
}

/** Who is due in the next superstep. */
export interface Due {
  sends: Send[];
  nodes: string[];
}

export class Flow {
  readonly #graph: CaseGraph;
  /** Of each waiting edge: who has arrived since it last let its node go. */
  readonly #arrived = new Map<CaseGraph["edges"][number], Set<string>>();
  /** Deferred nodes that have been called. */
  readonly #waiting = new Set<string>();

  constructor(graph: CaseGraph) {
    this.#graph = graph;
    for (const edge of graph.edges) if (isWaiting(edge)) this.#arrived.set(edge, new Set());
  }

  /** Takes a superstep that has ended. `ran` is in the order in which writes are applied. */
  follow(ran: readonly Ran[]): Due {
    for (const { node, isSend } of ran) if (!isSend) this.#useUp(node);
    const targets = ran.flatMap((task) => task.targets).filter((target) => target !== "END");
    const called = new Set(targets.filter((target) => typeof target === "string"));
    for (const edge of this.#graph.edges) {
      const [from, to] = edge;
      for (const { node } of ran) {
        const arrived = this.#arrived.get(edge);
        if (arrived !== undefined && from.includes(node)) arrived.add(node);
        else if (nameOf(node) === String(from) && to !== "END") called.add(to);
      }
    }
    const open = [...this.#arrived].filter(([[from], who]) => who.size === from.length).map(([[, to]]) => to);
    for (const node of called) if (this.#isDeferred(node)) this.#waiting.add(node);
    const now = [...called, ...open].filter((node) => !this.#isDeferred(node));
    // Sends don't keep a deferred node waiting.
    const later = [...this.#waiting, ...open].filter((node) => this.#isDeferred(node));
    const nodes = [...new Set(now.length > 0 ? now : later)].sort();
    return { sends: targets.filter((target) => typeof target !== "string"), nodes };
  }

  /** Forgets what began tasks that a new input drops. */
  drop(tasks: readonly Pick<Ran, "node" | "isSend">[]): void {
    for (const { node, isSend } of tasks) if (!isSend) this.#useUp(node);
  }

  /** What called a node that has run: what waited for nothing but that is over. */
  #useUp(node: string): void {
    this.#waiting.delete(node);
    for (const [[from, to], who] of this.#arrived) if (to === node && who.size === from.length) who.clear();
  }

  #isDeferred(node: string): boolean {
    return this.#graph.nodes[node]?.defer === true;
  }
}

function isWaiting([from]: CaseGraph["edges"][number]): boolean {
  return Array.isArray(from) && from.length > 1;
}

function nameOf(node: string): string {
  return node === "__start__" ? "START" : node;
}
