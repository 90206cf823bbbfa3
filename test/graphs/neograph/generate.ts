import type { Case, Definition } from "./case.ts";

type Random = () => number;

const START = "__start__";
const END = "__end__";

/** Some are names of nodes that an import adds, some need quotes or escapes somewhere. */
const namePool = [
  "b",
  "a",
  "a.route",
  "a.slot1",
  "b.enter",
  "Zeta",
  "äpfel",
  "日本",
  "x y",
  'q"q',
  "c'",
  "constructor",
];

/** Supersteps after which NeoGraph gives up. No case that is generated gets there. */
const maxSteps = 400;

/** A graph whose every cycle has an end: only conditions lead back, and each does so less than three times. */
export function generateCase(random: Random, number: number): Case {
  return new Generator(random, number).make();
}

class Generator {
  readonly #random: Random;
  readonly #case: Case;
  readonly #names: string[];
  readonly #definition: Definition;

  constructor(random: Random, number: number) {
    this.#random = random;
    this.#names = this.#shuffled(namePool).slice(0, 2 + this.#below(8));
    this.#definition = {
      schema_version: 1,
      name: `case ${number}`,
      channels: { log: { reducer: "append", ...(this.#chance(0.2) && { initial: ["begin"] }) }, seed: {} },
      nodes: {},
      edges: [],
      conditional_edges: [],
    };
    this.#case = { definition: this.#definition, conditions: {}, input: {}, max_steps: maxSteps };
  }

  make(): Case {
    const { channels, nodes } = this.#definition;
    if (this.#chance(0.3))
      channels.seed = { reducer: "overwrite", initial: this.#pick([7, { deep: [1.5, "x"] }, "é😀"]) };
    if (this.#chance(0.3)) this.#case.input.seed = 3;
    for (const name of this.#names) {
      nodes[name] = { type: "work" };
      channels[`visits ${name}`] = {};
      channels[`saw ${name}`] = { reducer: "overwrite" };
    }
    for (const index of this.#names.keys()) this.#lead(index);
    this.#reachAll();
    if (this.#chance(0.25)) this.#routeByChannel();
    for (const name of this.#names) if (this.#chance(0.6)) this.#wait(name);
    this.#start();
    if (this.#chance(0.4)) this.#interrupt();
    return this.#case;
  }

  /** Where a node leads: to later ones or the end, or by a condition, which may also lead back. */
  #lead(index: number): void {
    const { edges } = this.#definition;
    const name = this.#names[index] as string;
    const later = this.#names.slice(index + 1);
    const onward = () => (later.length > 0 && this.#chance(0.85) ? this.#pick(later) : END);
    if (this.#chance(0.35)) {
      this.#decide(name, onward);
      return;
    }
    const targets = new Set(Array.from({ length: this.#below(4) }, onward));
    for (const to of targets) edges.push({ from: name, to });
  }

  #decide(from: string, onward: () => string): void {
    const labels = ["x", "y", "z"].slice(0, 1 + this.#below(3));
    const routes: Record<string, string> = {};
    for (const [i, label] of labels.entries()) {
      const isLast = i === labels.length - 1;
      routes[label] = isLast || this.#chance(0.6) ? onward() : this.#pick(this.#names);
    }
    // A label that is not there, with or without a way for such.
    if (this.#chance(0.3)) {
      labels.unshift("unrouted");
      if (this.#chance(0.8)) routes.default = onward();
    }
    const condition = `${this.#definition.name} ${from}`;
    const reads = this.#names.filter(() => this.#chance(0.5)).map((name) => `visits ${name}`);
    this.#case.conditions[condition] = { reads, own: `visits ${from}`, labels };
    this.#definition.conditional_edges.push({ from, condition, routes });
  }

  /** A node that no earlier one leads to starts, or an earlier one leads to it from now on. */
  #reachAll(): void {
    const { edges, conditional_edges: conditions } = this.#definition;
    for (const [index, name] of this.#names.entries()) {
      const earlier = this.#names.slice(0, index);
      const leads = (from: string) =>
        edges.some((edge) => edge.from === from && edge.to === name) ||
        conditions.some((each) => each.from === from && Object.values(each.routes).includes(name));
      if (index > 0 && earlier.some(leads)) continue;
      const open = earlier.filter((from) => !conditions.some((each) => each.from === from));
      const from = open.length > 0 && this.#chance(0.7) ? this.#pick(open) : START;
      edges.push({ from, to: name });
    }
  }

  /** Of one condition that only leads onward; one node says where. */
  #routeByChannel(): void {
    const { conditional_edges: conditions, channels, nodes } = this.#definition;
    const onward = conditions.filter(({ from, routes }) =>
      Object.values(routes).every((to) => to === END || this.#names.indexOf(to) > this.#names.indexOf(from)),
    );
    if (onward.length === 0) return;
    const chosen = this.#pick(onward);
    delete this.#case.conditions[chosen.condition];
    chosen.condition = "route_channel";
    channels.__route__ = { reducer: "overwrite" };
    const writer = nodes[this.#pick(this.#names)];
    if (writer !== undefined) writer.labels = [...Object.keys(chosen.routes), "elsewhere"];
  }

  /** A barrier before a node that several lead to: for some of them or all, some of them as alternatives. */
  #wait(name: string): void {
    const { edges, conditional_edges: conditions, nodes } = this.#definition;
    const before = this.#names.filter(
      (from) =>
        from !== name &&
        (edges.some((edge) => edge.from === from && edge.to === name) ||
          conditions.some((each) => each.from === from && Object.values(each.routes).includes(name))),
    );
    const node = nodes[name];
    const members = before.filter(() => this.#chance(0.85));
    if (before.length < 2 || members.length === 0 || node === undefined) return;
    const alternatives = this.#chance(0.3) ? members.splice(0, 2) : [];
    const slots: (string | { any_of: string[] })[] = [...members];
    node.barrier = { wait_for: alternatives.length > 0 ? [...slots, { any_of: alternatives }] : slots };
  }

  /** Some more nodes start; an import wants them in the order of their names. */
  #start(): void {
    const { edges } = this.#definition;
    const started = new Set(edges.filter(({ from }) => from === START).map(({ to }) => to));
    for (const name of this.#names) if (this.#chance(0.15)) started.add(name);
    if (this.#chance(0.1)) started.add(END);
    const firsts = [...started].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const others = edges.filter(({ from }) => from !== START);
    this.#definition.edges = [...firsts.map((to) => ({ from: START, to })), ...others];
  }

  #interrupt(): void {
    const some = () => this.#names.filter(() => this.#chance(0.3));
    Object.assign(this.#definition, { interrupt_before: some(), interrupt_after: some() });
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  #shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    return list.map(() => left.splice(this.#below(left.length), 1)[0] as T);
  }
}
