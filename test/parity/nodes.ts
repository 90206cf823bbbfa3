/** The nodes module of the parity cases: every node is played from its list of ops. Counters live in the harness. */
import type { NodeContext, NodeState } from "../../src/runs/modules/api.ts";

type Op = [kind: string, argument: never];

interface Params {
  url: string;
  name: string;
  ops: Record<string, never>[];
}

export async function play(state: NodeState, context: NodeContext): Promise<unknown> {
  const { url, name, ops } = context.params as unknown as Params;
  await tell(url, "start", name);
  const update: Record<string, unknown> = {};
  const goto: Parameters<NodeContext["command"]>[0]["goto"] & unknown[] = [];
  let isCommand = false;
  for (const op of ops) {
    const [kind, argument] = Object.entries(op)[0] as Op;
    if (kind === "goto") goto.push(...(argument as string[]).map(nodeName));
    else if (kind === "send") goto.push(...sends(argument, state, context));
    else if (kind === "fail") {
      if (await tell(url, "fail", name, (argument as { times: number }).times)) throw new Error(`${name} failed`);
    } else Object.assign(update, written(kind, argument, name, state, context));
    isCommand ||= kind === "goto" || kind === "send";
  }
  return isCommand ? context.command({ update, goto }) : update;
}

interface OpArgument {
  to: string;
  from: string;
  as: string;
  k: number;
  text?: string;
  value?: unknown;
  list?: boolean;
}

/** What one op writes. */
function written(kind: string, argument: OpArgument, name: string, state: NodeState, context: NodeContext): NodeState {
  const { to, from, as, k, text = "", value, list } = argument;
  switch (kind) {
    case "write":
      return argument as unknown as NodeState;
    case "overwrite":
      return Object.fromEntries(Object.entries(argument).map(([channel, v]) => [channel, context.overwrite(v)]));
    case "plus":
      return { [to]: sum(state[from] ?? 0, k) };
    case "copy":
      return { [to]: state[from] ?? null };
    case "size":
      return { [to]: ((state[from] as unknown[] | null | undefined) ?? []).length };
    case "log":
      return { [to]: [`${name}:${text}`] };
    case "item":
      return { [to]: [state[as] ?? null] };
    case "interrupt": {
      const answer = context.interrupt(value);
      return to === undefined ? {} : { [to]: list ? [answer] : answer };
    }
    case "nothing":
      return {};
    default:
      throw new Error(`unknown op ${kind}`);
  }
}

/** Whole numbers beyond 2^53 come as bigint. */
function sum(value: unknown, k: number): number | bigint {
  return typeof value === "bigint" ? value + BigInt(k) : (value as number) + k;
}

interface SendOp {
  node: string;
  arg?: unknown;
  over?: string;
  as?: string;
}

function sends(list: SendOp[], state: NodeState, context: NodeContext): ReturnType<NodeContext["send"]>[] {
  return list.flatMap(({ node, arg, over, as = "" }) =>
    over === undefined
      ? [context.send(node, arg)]
      : ((state[over] as unknown[] | null | undefined) ?? []).map((item) => context.send(node, { [as]: item })),
  );
}

function nodeName(name: string): string {
  return name === "END" ? "__end__" : name;
}

async function tell(url: string, what: "start" | "fail", name: string, times = 0): Promise<boolean> {
  const query = new URLSearchParams({ what, name, times: String(times) });
  const response = await fetch(`${url}?${query}`, { method: "POST" });
  return (await response.text()) === "true";
}
