/** The nodes module of the run tests. Every node leaves a line "NODE WHAT" in a file whenever it begins and ends. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MigrationContext, NodeContext, NodeState } from "../../../src/runs/modules/api.ts";

interface Params {
  folder: string;
  gate?: string;
  questions?: string[];
  count?: number;
  bytes?: number;
  channel?: string;
  value?: unknown;
  to?: string[];
}

type Result = Record<string, unknown>;

function paramsOf(context: NodeContext): Params {
  return context.params as unknown as Params;
}

function leave(context: NodeContext, what: string): void {
  appendFileSync(join(paramsOf(context).folder, "traces"), `${context.node} ${what}\n`);
}

/** Just runs. */
export function note(_state: NodeState, context: NodeContext): Result {
  leave(context, "ran");
  return { log: [context.node] };
}

/** Waits at a gate until the test opens it. Does not care about being cancelled, as much code does not. */
export async function gated(state: NodeState, context: NodeContext): Promise<Result> {
  const name = typeof state.item === "string" ? state.item : context.node;
  leave(context, `begins ${name}`);
  const { folder, gate = name } = paramsOf(context);
  while (!existsSync(join(folder, `${gate}.open`))) await sleep(10);
  leave(context, `ends ${name}`);
  return { log: [name] };
}

/** Asks its questions one after the other. */
export function asks(_state: NodeState, context: NodeContext): Result {
  leave(context, "ran");
  const answers = (paramsOf(context).questions ?? []).map((question) => context.interrupt(question));
  return { log: answers.map((answer) => `${context.node}:${String(answer)}`) };
}

/** Asks, and fails unless the answer is "good". */
export function picky(_state: NodeState, context: NodeContext): Result {
  const answer = context.interrupt("which?");
  if (answer !== "good") throw new Error(`${String(answer)} will not do`);
  return { log: [answer] };
}

/** Tells so many pieces of a message and after each a value, or two halves of that around a gate. */
export async function tells(_state: NodeState, context: NodeContext): Promise<Result> {
  const { folder, gate, count = 1 } = paramsOf(context);
  for (let i = 0; i < count; i++) {
    if (gate !== undefined && i === count / 2) {
      leave(context, "waits");
      while (!existsSync(join(folder, `${gate}.open`))) await sleep(10);
    }
    context.token("m1", `${i} `);
    context.emit({ i });
  }
  return { log: [context.node] };
}

/** Tells as fast as it can and never yields; `bytes` is the length of each piece. */
export function floods(_state: NodeState, context: NodeContext): Result {
  const { count = 1, bytes = 0 } = paramsOf(context);
  for (let i = 0; i < count; i++) context.token("flood", `${i} `.padEnd(bytes, "."));
  leave(context, "flooded");
  return { log: [context.node] };
}

/** Tells one value of so many bytes. */
export function tellsLarge(_state: NodeState, context: NodeContext): Result {
  context.emit("x".repeat(paramsOf(context).bytes ?? 0));
  return { log: [context.node] };
}

/** Tells something once it has returned. */
export function tellsLate(_state: NodeState, context: NodeContext): Result {
  setTimeout(() => {
    context.emit("too late");
    context.token("late", "too late");
    leave(context, "told late");
  }, 50);
  return { log: [context.node] };
}

/** Half of a character. */
export function tellsHalf(_state: NodeState, context: NodeContext): Result {
  context.token("m1", "\ud83d");
  return {};
}

/** A conditional edge that tells something. */
export function edgeTells(_state: NodeState, context: NodeContext): string {
  context.emit("edge");
  return "__end__";
}

/** Fails until its gate is open. */
export function failing(_state: NodeState, context: NodeContext): Result {
  leave(context, "ran");
  const { folder, gate = context.node } = paramsOf(context);
  if (!existsSync(join(folder, `${gate}.open`))) throw new RangeError("out of luck");
  return { log: [context.node] };
}

/** Blocks its thread until its gate is open: no timer and no promise gets a turn. */
export function blocks(_state: NodeState, context: NodeContext): Result {
  const { folder, gate = context.node } = paramsOf(context);
  leave(context, "begins");
  while (!existsSync(join(folder, `${gate}.open`)));
  return { log: [context.node] };
}

/** Ends its thread, or would end a server that ran it in its own. */
export function exits(_state: NodeState, context: NodeContext): Result {
  leave(context, "ran");
  process.exit(7);
}

/** Writes a text of so many bytes. */
export function big(_state: NodeState, context: NodeContext): Result {
  const { bytes = 0, channel = "x" } = paramsOf(context);
  leave(context, "ran");
  return { [channel]: "x".repeat(bytes) };
}

/** Writes whatever it is told. */
export function writes(_state: NodeState, context: NodeContext): Result {
  leave(context, "ran");
  const { channel = "x", value } = paramsOf(context);
  return { [channel]: value };
}

/** Replaces a channel's value. */
export function overwrites(_state: NodeState, context: NodeContext): Result {
  const { channel = "log", value } = paramsOf(context);
  return { [channel]: context.overwrite(value) };
}

/** Updates and says where to go. */
export function goes(_state: NodeState, context: NodeContext): unknown {
  leave(context, "ran");
  return context.command({ update: { log: [context.node] }, goto: paramsOf(context).to ?? [] });
}

/** Ends its graph with a command to the enclosing one. */
export function goesUp(_state: NodeState, context: NodeContext): unknown {
  leave(context, "ran");
  return context.command({ update: { log: [context.node] }, goto: paramsOf(context).to ?? [], graph: "parent" });
}

/** Sends one argument for each item of the state. */
export function fansOut(state: NodeState, context: NodeContext): unknown {
  leave(context, "ran");
  const [to = "work"] = paramsOf(context).to ?? [];
  const items = (state.items ?? []) as unknown[];
  return context.command({ update: { log: [context.node] }, goto: items.map((item) => context.send(to, { item })) });
}

/** Fails so many times in its folder, counted by its traces, with an error of the kind it is told. */
export function flaky(_state: NodeState, context: NodeContext): Result {
  const { folder, count = 1, value = "Error" } = paramsOf(context);
  leave(context, "ran");
  const lines = readFileSync(join(folder, "traces"), "utf8").split("\n");
  const runs = lines.filter((line) => line === `${context.node} ran`).length;
  if (runs <= count) throw Object.assign(new Error(`attempt ${runs}`), { name: String(value) });
  return { log: [context.node] };
}

/** Shows signs of life until its gate is open. */
export async function ticks(_state: NodeState, context: NodeContext): Promise<Result> {
  const { folder, gate = context.node } = paramsOf(context);
  leave(context, "begins");
  while (!existsSync(join(folder, `${gate}.open`))) {
    context.alive();
    await sleep(10);
  }
  return { log: [context.node] };
}

/** Sends to a node that may take only so long. */
export function hurries(_state: NodeState, context: NodeContext): unknown {
  const [to = "work"] = paramsOf(context).to ?? [];
  return context.command({ goto: [context.send(to, { item: "slow" }, { timeoutMs: 50 })] });
}

/** A migration: what `n` was becomes a list, and `by` is added from the parameters. */
export function listed(state: NodeState, { params, from, to }: MigrationContext): NodeState {
  const { n, ...rest } = state;
  return { ...rest, list: [n], by: `${String(params.by)} ${from}-${to}` };
}

/** A migration that does not come off. */
export function botched(): NodeState {
  throw new Error("no such luck");
}
