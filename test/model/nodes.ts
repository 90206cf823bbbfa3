// What nodes and branches do, from test/parity/FORMAT.md.
import type { CaseBranch, CaseSend, Op } from "../parity/case.ts";
import type { Values, Write } from "./channels.ts";

export interface Send {
  node: string;
  argument: unknown;
}

/** Where a node or a branch leads: nodes by name, and Sends. */
export type Target = string | Send;

export type Played =
  | { kind: "returned"; writes: Write[]; targets: Target[] }
  | { kind: "asks"; index: number; question: unknown }
  | { kind: "failed" };

/** What a node is played with. */
export interface Turn {
  /** The node's name as logs show it. */
  name: string;
  ops: readonly Op[];
  state: Readonly<Record<string, unknown>>;
  answers: readonly unknown[];
  /** How often each node has failed so far. */
  failures: Map<string, number>;
}

/** Plays a node's ops once. */
export function playNode(turn: Turn): Played {
  const update = new Map<string, Write>();
  const targets: Target[] = [];
  let asked = 0;
  for (const op of turn.ops) {
    const [kind, given] = Object.entries(op)[0] as [string, OpArgument];
    if (kind === "fail" && fails(turn, given.times)) return { kind: "failed" };
    if (kind === "goto") targets.push(...(given as unknown as string[]));
    if (kind === "send") targets.push(...sends(given as unknown as CaseSend[], (name) => turn.state[name]));
    if (kind === "interrupt" && asked >= turn.answers.length) {
      return { kind: "asks", index: asked, question: given.value };
    }
    const answer = kind === "interrupt" ? turn.answers[asked++] : undefined;
    for (const [channel, value] of Object.entries(written(kind, given, turn, answer))) {
      update.set(channel, { channel, value, overwrite: kind === "overwrite" });
    }
  }
  return { kind: "returned", writes: [...update.values()], targets };
}

interface OpArgument {
  to: string;
  from: string;
  as: string;
  k: number;
  text: string;
  value: unknown;
  list?: boolean;
  times: number;
}

function written(kind: string, given: OpArgument, { name, state }: Turn, answer: unknown): Record<string, unknown> {
  const { to, from, as, k, text, list } = given;
  if (kind === "write" || kind === "overwrite") return given as unknown as Record<string, unknown>;
  if (kind === "plus") return { [to]: ((state[from] as number | undefined) ?? 0) + k };
  if (kind === "copy") return { [to]: state[from] ?? null };
  if (kind === "size") return { [to]: ((state[from] as unknown[] | undefined) ?? []).length };
  if (kind === "log") return { [to]: [`${name}:${text}`] };
  if (kind === "item") return { [to]: [state[as] ?? null] };
  if (kind === "interrupt" && to !== undefined) return { [to]: list ? [answer] : answer };
  return {};
}

function fails({ name, failures }: Turn, times: number): boolean {
  const soFar = failures.get(name) ?? 0;
  if (soFar < times) failures.set(name, soFar + 1);
  return soFar < times;
}

/** Where a branch leads, by the values that it sees. */
export function decide(branch: CaseBranch, values: Values): Target[] {
  const value = values.get(branch.on ?? "") ?? null;
  if (branch.send !== undefined) return sends(branch.send, (name) => values.get(name));
  if (branch.lt !== undefined) return (Number(value) < branch.lt ? branch.then : branch.else) ?? [];
  const shown = value === null ? "None" : typeof value === "object" ? "?" : String(value);
  return branch.cases?.[shown] ?? branch.default ?? [];
}

function sends(list: readonly CaseSend[], read: (channel: string) => unknown): Send[] {
  return list.flatMap(({ node, arg, over, as = "" }) => {
    if (over === undefined) return [{ node, argument: arg }];
    return ((read(over) as unknown[] | undefined) ?? []).map((item) => ({ node, argument: { [as]: item } }));
  });
}
