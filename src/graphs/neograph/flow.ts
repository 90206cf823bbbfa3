import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BranchSchema, EdgeSchema } from "../../gen/cairn/v1/graph_pb.ts";
import { nameFault } from "../names.ts";
import { importCondition } from "./conditions.ts";
import { type Definition, END, START } from "./definition.ts";
import type { Layout } from "./layout.ts";
import type { NodeInit } from "./nodes.ts";
import type { ImportOptions } from "./options.ts";
import type { Reader } from "./reader.ts";

/** Edges and branches, and the nodes that they need besides the definition's own. */
export interface Flow {
  edges: MessageInitShape<typeof EdgeSchema>[];
  branches: MessageInitShape<typeof BranchSchema>[];
  nodes: Record<string, NodeInit>;
}

/** What a signal does: starts a node, counts for a waiting edge that is made elsewhere, or nothing. */
type Signal = { to: string } | "awaited" | "nothing";

export class FlowMaker {
  readonly #flow: Flow = { edges: [], branches: [], nodes: Object.create(null) };
  readonly #reader: Reader;
  readonly #definition: Definition;
  readonly #layout: Layout;
  /** Nodes that lead somewhere. */
  readonly #leading: ReadonlySet<string>;
  /** What an added node is for, to its name. */
  readonly #added = new Map<string, string>();

  constructor(reader: Reader, definition: Definition, layout: Layout) {
    this.#reader = reader;
    this.#definition = definition;
    this.#layout = layout;
    const edges = definition.edges.filter(({ to }) => to.name !== END);
    this.#leading = new Set([...edges, ...definition.conditions].map(({ from }) => from.name));
  }

  /** `initial` is what the first superstep gives to channels. */
  make(options: ImportOptions, initial: Record<string, string>): Flow {
    const { edges, conditions, nodes } = this.#definition;
    const first = this.#first(initial);
    for (const { path, from, to } of edges) {
      const signal = from.name === START ? { to: to.name } : this.#signal(from.name, to.name);
      if (signal === "nothing") this.#reader.note(path, `${to.name} does not wait for ${from.name}: left out`);
      else if (signal !== "awaited") this.#edge([from.name === START ? first : this.leaving(from.name)], signal.to);
    }
    for (const condition of conditions) {
      const routes: Record<string, string> = Object.create(null);
      for (const [label, { path, name }] of condition.routes) {
        const signal = this.#signal(condition.from.name, name);
        if (signal === "nothing")
          this.#reader.note(path, `${name} does not wait for ${condition.from.name}: leads to END`);
        routes[label] = typeof signal === "string" ? END : signal.to;
      }
      const decide = importCondition(this.#definition, condition, options);
      this.#flow.branches.push({ from: this.leaving(condition.from.name), decide, routes });
    }
    for (const [name, { slots }] of nodes) if (slots.length > 1) this.#join(name);
    return this.#flow;
  }

  /** The node after whose superstep it is settled what follows a node: itself, or the one behind it. */
  leaving(name: string): string {
    if (!this.#layout.routers || !this.#leading.has(name)) return name;
    return this.#add(`${name}.route`, name, { after: name });
  }

  #signal(from: string, to: string): Signal {
    const slots = this.#definition.nodes.get(to)?.slots ?? [];
    const slot = slots.findIndex((each) => each.some(({ name }) => name === from));
    if (slots.length > 0 && slot < 0) return "nothing";
    if (!this.#layout.gates || to === END) return slots.length > 1 ? "awaited" : { to };
    return { to: slots.length > 1 ? this.#slotGate(to, slot) : this.#add(`${to}.enter`, to, { before: to }) };
  }

  /** The waiting edge of a node that waits for several. */
  #join(name: string): void {
    const slots = this.#definition.nodes.get(name)?.slots ?? [];
    const from = slots.map((slot, i) =>
      this.#layout.gates ? this.#slotGate(name, i) : this.leaving(slot[0]?.name ?? ""),
    );
    this.#edge(from, name);
  }

  #slotGate(name: string, slot: number): string {
    return this.#add(`${name}.slot${slot + 1}`, name);
  }

  /** The entry, or the node behind it that gives channels their first values. */
  #first(initial: Record<string, string>): string {
    if (Object.keys(initial).length === 0) return START;
    const name = this.#add("neograph.initial", undefined);
    this.#flow.nodes[name] = { kind: { case: "expression", value: { update: initial } } };
    this.#edge([START], name);
    return name;
  }

  /** The name of a node that does nothing but stand in the way, of a node of the definition; made when it is new. */
  #add(wanted: string, of: string | undefined, place: { after?: string; before?: string } = {}): string {
    const known = this.#added.get(wanted);
    if (known !== undefined) return known;
    let name = wanted;
    while (this.#definition.nodes.has(name)) name += "_";
    const fault = nameFault(name);
    const path = of === undefined ? "" : this.#definition.nodes.get(of)?.path;
    if (fault !== undefined)
      this.#reader.fault(path ?? "", `the node ${JSON.stringify(name)} has to be added, but ${fault}`);
    this.#added.set(wanted, name);
    this.#flow.nodes[name] = { kind: { case: "expression", value: {} } };
    if (place.after !== undefined) this.#edge([place.after], name);
    if (place.before !== undefined) this.#edge([name], place.before);
    return name;
  }

  #edge(from: string[], to: string): void {
    this.#flow.edges.push({ from, to });
  }
}
