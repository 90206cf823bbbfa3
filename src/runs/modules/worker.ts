/** The worker thread that runs the functions of a nodes module, so that a node that blocks can't stall the server. */

import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { decodeMsgpack } from "../../values/msgpack-decode.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import { Float, isPlainMap, type Plain } from "../../values/value.ts";
import { Command, Interrupted, type MigrationContext, type NodeContext, Overwrite, Send, type Target } from "./api.ts";
import type { CallMessage, FromWorker, MigrateMessage, SentNode, ToWorker, WorkerStart } from "./protocol.ts";
import { InFlight, tellerOf } from "./telling.ts";

type ModuleFunction = (state: unknown, context: NodeContext | MigrationContext) => unknown;

const { file, inFlight: count } = workerData as WorkerStart;
const inFlight = new InFlight(count);
const calls = new Map<number, AbortController>();
let functions: Record<string, unknown> = {};

function tell(message: FromWorker): void {
  parentPort?.postMessage(message);
}

/** Floats that are whole numbers become plain numbers, as code expects them. */
function toCode(value: Plain): unknown {
  if (value instanceof Float) return value.value;
  if (Array.isArray(value)) return value.map(toCode);
  if (!isPlainMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCode(item)]));
}

function fromCode(value: unknown): Uint8Array {
  return encodeMsgpack((value ?? null) as Plain);
}

function stateOf(state: CallMessage["state"]): unknown {
  if (state instanceof Uint8Array) return toCode(decodeMsgpack(state));
  return Object.fromEntries([...state].map(([channel, bytes]) => [channel, toCode(decodeMsgpack(bytes))]));
}

/** How many questions a call has asked. */
interface Asked {
  count: number;
}

function contextOf(call: CallMessage, asked: Asked, signal: AbortSignal): NodeContext {
  const send: Parameters<typeof tellerOf>[1] = (told) => {
    inFlight.begin();
    tell(told);
  };
  return {
    ...call.context,
    params: (call.params ?? {}) as Record<string, unknown>,
    signal,
    ...tellerOf(call, send, () => !calls.has(call.id)),
    interrupt: (question) => {
      const index = asked.count++;
      const answer = call.answers[index];
      if (answer === undefined) throw new Interrupted(index, question);
      return toCode(decodeMsgpack(answer));
    },
    command: ({ update = {}, goto = [], graph }) => new Command(update, listOf(goto), graph === "parent"),
    send: (node, argument, { timeoutMs } = {}) => new Send(node, argument, timeoutMs),
    overwrite: (value) => new Overwrite(value),
  };
}

function listOf(target: Target): (string | Send)[] {
  if (target === null) return [];
  return Array.isArray(target) ? target : [target];
}

function functionOf({ function: name }: { function: string }): ModuleFunction {
  const fn = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (typeof fn !== "function") throw new ReferenceError(`the nodes module exports no function ${name}`);
  return fn as ModuleFunction;
}

/** A channel whose value is as it was is told by name only, so that it need not be stored again. */
async function migrated(call: MigrateMessage): Promise<FromWorker> {
  const context = { ...call.context, params: (call.params ?? {}) as Record<string, unknown> };
  // Taken before the function can change them in place.
  const before = new Map([...call.state].map(([channel, bytes]) => [channel, fromCode(toCode(decodeMsgpack(bytes)))]));
  const returned = await functionOf(call)(stateOf(call.state), context);
  if (!isPlainMap(returned)) throw new Error(`${call.function} must return an object: the new state`);
  const set = new Map<string, Uint8Array>();
  const kept = new Set<string>();
  for (const [channel, value] of Object.entries(returned as Record<string, unknown>)) {
    if (value === undefined) continue;
    const bytes = fromCode(value);
    const old = before.get(channel);
    if (old !== undefined && Buffer.compare(old, bytes) === 0) kept.add(channel);
    else set.set(channel, bytes);
  }
  return { kind: "migrated", id: call.id, set, kept };
}

async function answer(call: CallMessage, signal: AbortSignal): Promise<FromWorker> {
  const asked: Asked = { count: 0 };
  const returned = await functionOf(call)(stateOf(call.state), contextOf(call, asked, signal));
  if (call.as === "decide") return { kind: "decision", id: call.id, value: fromCode(decisionOf(returned)) };
  return { kind: "result", id: call.id, ...resultOf(call.function, returned), asked: asked.count };
}

function decisionOf(returned: unknown): unknown {
  if (Array.isArray(returned)) return returned.map(decisionOf);
  return returned instanceof Send ? { node: returned.node, arg: returned.argument ?? null } : returned;
}

type Result = FromWorker & { kind: "result" };

function resultOf(name: string, returned: unknown): Pick<Result, "update" | "goto" | "toParent"> {
  const command = returned instanceof Command ? returned : undefined;
  const update = command?.update ?? ((returned ?? {}) as Record<string, unknown>);
  if (!isPlainMap(update)) throw new Error(`${name} must return an object of updates, a command or nothing`);
  return {
    update: Object.entries(update as Record<string, unknown>).map(([channel, value]) =>
      value instanceof Overwrite
        ? { channel, value: fromCode(value.value), overwrite: true }
        : { channel, value: fromCode(value), overwrite: false },
    ),
    goto: (command?.goto ?? []).map((target): string | SentNode => (target instanceof Send ? sent(target) : target)),
    toParent: command?.toParent ?? false,
  };
}

function sent({ node, argument, timeoutMs }: Send): SentNode {
  if (timeoutMs === undefined || (Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
    return { node, arg: fromCode(argument), timeoutMs };
  }
  throw new RangeError(`a Send's timeoutMs must be a whole number above 0, not ${timeoutMs}`);
}

function failed(id: number, name: string, message: string): FromWorker {
  return { kind: "failed", id, name, message };
}

async function handle(call: CallMessage | MigrateMessage): Promise<void> {
  const controller = new AbortController();
  calls.set(call.id, controller);
  try {
    tell(await (call.kind === "migrate" ? migrated(call) : answer(call, controller.signal)));
  } catch (thrown) {
    if (thrown instanceof Interrupted) {
      tell({ kind: "interrupted", id: call.id, index: thrown.index, value: fromCode(thrown.question) });
    } else if (thrown instanceof Error) tell(failed(call.id, thrown.name, `${thrown.name}: ${thrown.message}`));
    else tell(failed(call.id, "", String(thrown)));
  } finally {
    calls.delete(call.id);
  }
}

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "cancel") calls.get(message.id)?.abort();
  else void handle(message);
});

try {
  functions = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  tell({ kind: "loaded", functions: Object.keys(functions).filter((name) => typeof functions[name] === "function") });
} catch (thrown) {
  tell({ kind: "unloadable", message: thrown instanceof Error ? thrown.message : String(thrown) });
}
