import { type Definition, END, START } from "./definition.ts";

/**
 * A node that decides by a condition and may run in the same superstep as another node, with that node; undefined
 * when there is none. NeoGraph's conditions see what all nodes of the superstep wrote, those of ours only what their
 * own node wrote: for such a node it makes a difference.
 *
 * Looks at pairs of nodes, from those that start together on, and takes every edge as one that may be taken: it may
 * find a pair that never comes about, but misses none.
 */
export function decidesBesideAnother(definition: Definition): [decides: string, other: string] | undefined {
  const routed = new Map(definition.conditions.map(({ from, routes }) => [from.name, [...routes.values()]]));
  const leads = new Map<string, string[]>();
  for (const { from, to } of definition.edges) leads.set(from.name, [...(leads.get(from.name) ?? []), to.name]);
  for (const [from, targets] of routed)
    leads.set(
      from,
      targets.map(({ name }) => name),
    );
  const after = (name: string) => new Set((leads.get(name) ?? []).filter((to) => to !== END));
  const nexts = new Map([START, ...definition.nodes.keys()].map((name) => [name, [...after(name)]]));

  const pairs = new Pairs();
  pairs.add(START, START);
  for (const [a, b] of pairs.all) {
    if (a !== b && routed.has(a)) return [a, b];
    if (a !== b && routed.has(b)) return [b, a];
    // Of a condition's own routes only one is taken.
    const isOneWay = a === b && routed.has(a);
    for (const x of nexts.get(a) ?? []) {
      for (const y of nexts.get(b) ?? []) if (!isOneWay || x === y) pairs.add(x, y);
    }
  }
  return undefined;
}

/** Pairs in which the order does not matter, each once. Grows while it is walked. */
class Pairs {
  readonly all: [string, string][] = [];
  readonly #seen = new Map<string, Set<string>>();

  add(a: string, b: string): void {
    const [first, second] = a < b ? [a, b] : [b, a];
    const seconds = this.#seen.get(first) ?? new Set();
    if (seconds.has(second)) return;
    this.#seen.set(first, seconds.add(second));
    this.all.push([first, second]);
  }
}
