// Random graphs in the form of the parity cases: small, and with much of what a graph can have.
import fc from "fast-check";
import type { CaseBranch, CaseGraph, CaseNode, CaseSend } from "../parity/case.ts";
import { kinds, oneIn, playedNode, sendTo, text } from "./generate-nodes.ts";

/** Not in the order in which their writes are applied. */
const names = ["d", "b", "a", "c", "e"];

type Edge = CaseGraph["edges"][number];

export const graph: fc.Arbitrary<CaseGraph> = graphOf(5, graphOf(3));

/** A graph of up to so many nodes, some of which are of the inner graphs. */
function graphOf(nodesMax: number, inner?: fc.Arbitrary<CaseGraph>): fc.Arbitrary<CaseGraph> {
  return fc.constantFrom(1, 2, 3, 4, 4, 5, 5).chain((count) => {
    const own = names.slice(0, Math.min(count, nodesMax));
    const stops = fc.oneof(
      fc.constantFrom(...own).map((node) => [node]),
      fc.constant(["*"]).map((all) => [...all]),
    );
    const fields = fc.record({
      nodes: fc.tuple(...own.map(() => nodeOf(own, inner))),
      edges: edgesOf(own),
      branches: fc.array(branchOf(own), { maxLength: 2 }),
      interrupt_before: oneIn(8, stops),
      interrupt_after: oneIn(8, stops),
    });
    return fields.map(({ nodes, ...others }) => ({
      channels: inner === undefined ? written(nodes) : { ...kinds },
      nodes: Object.fromEntries(nodes.map((node, i) => [own[i] as string, node])),
      ...others,
    }));
  });
}

/** The channels that nodes write to. A subgraph has no others: the fewer it shares, the fewer clashes. */
function written(nodes: readonly CaseNode[]): CaseGraph["channels"] {
  const ops = nodes.flatMap(({ do: list = [] }) => list.flatMap((op) => Object.entries(op)));
  const used = new Set(
    ops.flatMap(([kind, given]) => {
      if (kind === "write" || kind === "overwrite") return Object.keys(given as object);
      return [(given as { to?: string }).to];
    }),
  );
  return Object.fromEntries(Object.entries(kinds).filter(([name]) => used.has(name)));
}

function nodeOf(own: readonly string[], inner: fc.Arbitrary<CaseGraph> | undefined): fc.Arbitrary<CaseNode> {
  const played = playedNode(fc.constantFrom(...own)).map((node) => ({ ...node, ends: endsOf(node) }));
  if (inner === undefined) return played;
  const nested = fc.record({
    graph: inner,
    defer: oneIn(6, fc.constant(true)),
    attempts: oneIn(2, fc.integer({ min: 2, max: 3 })),
  });
  return fc.oneof({ weight: 5, arbitrary: played }, { weight: 1, arbitrary: nested });
}

/** Where the node's own commands may go. */
function endsOf({ do: ops = [] }: CaseNode): string[] {
  const sends = ops.flatMap(({ send = [] }) => (send as CaseSend[]).map(({ node }) => node));
  return [...new Set([...ops.flatMap(({ goto = [] }) => goto as string[]), ...sends])];
}

/** Each node but the first has an edge from an earlier one or the entry; then there are some more, loops among them. */
function edgesOf(own: readonly string[]): fc.Arbitrary<Edge[]> {
  const any = fc.constantFrom(...own);
  const tree = own.map((to, i) =>
    fc.constantFrom("START", "START", ...own.slice(0, i)).map((from): Edge => [from, to]),
  );
  const more: fc.Arbitrary<Edge>[] = [fc.tuple(any, fc.constantFrom("END", ...own))];
  if (own.length > 1) {
    more.push(fc.tuple(fc.subarray([...own], { minLength: 2, maxLength: Math.min(3, own.length) }), any));
  }
  const others = fc.array(fc.oneof(...more), { maxLength: 2 });
  return fc.tuple(fc.tuple(...tree), others).map(([first, rest]) => [...first, ...rest]);
}

function branchOf(own: readonly string[]): fc.Arbitrary<CaseBranch> {
  const to = fc.constantFrom(...own);
  const from = fc.constantFrom(...own, ...own, "START");
  const targets = fc.array(fc.constantFrom("END", ...own), { minLength: 1, maxLength: 2 });
  return fc.oneof(
    fc.record({
      from,
      on: fc.constantFrom("n", "m"),
      lt: fc.integer({ min: 1, max: 8 }),
      // biome-ignore lint/suspicious/noThenProperty: the name that the cases have for it
      then: targets,
      else: targets,
    }),
    fc.record({
      from,
      on: fc.constantFrom("x", "any", "eph", "tp"),
      cases: fc.dictionary(fc.oneof(text, fc.constant("None")), targets, { minKeys: 1, noNullPrototype: true }),
      default: targets,
    }),
    fc.record({ from, send: fc.array(sendTo(to), { minLength: 1, maxLength: 2 }) }),
  );
}
