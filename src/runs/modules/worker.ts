/** The worker thread that runs the functions of a nodes module, so that a node that blocks can't stall the server. */

import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { decodeMsgpack } from "../../values/msgpack-decode.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import { Float, isPlainMap, type Plain } from "../../values/value.ts";
import { Command, Interrupted, type NodeContext, Overwrite, Send, type Target } from "./api.ts";
import type { CallMessage, FromWorker, SentNode, ToWorker, WorkerStart } from "./protocol.ts";
import { InFlight, tellerOf } from "./telling.ts";

type ModuleFunction = (state: unknown, context: NodeContext) => unknown;

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

function contextOf(call: CallMessage, signal: AbortSignal): NodeContext {
  let asked = 0;
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
      const index = asked++;
      const answer = call.answers[index];
      if (answer === undefined) throw new Interrupted(index, question);
      return toCode(decodeMsgpack(answer));
    },
    command: ({ update = {}, goto = [] }) => new Command(update, listOf(goto)),
    send: (node, argument) => new Send(node, argument),
    overwrite: (value) => new Overwrite(value),
  };
}

function listOf(target: Target): (string | Send)[] {
  if (target === null) return [];
  return Array.isArray(target) ? target : [target];
}

async function answer(call: CallMessage, signal: AbortSignal): Promise<FromWorker> {
  const fn = Object.hasOwn(functions, call.function) ? functions[call.function] : undefined;
  if (typeof fn !== "function") return failed(call.id, `the nodes module exports no function ${call.function}`);
  const returned = await (fn as ModuleFunction)(stateOf(call.state), contextOf(call, signal));
  if (call.as === "decide") return { kind: "decision", id: call.id, value: fromCode(decisionOf(returned)) };
  return { kind: "result", id: call.id, ...resultOf(call.function, returned) };
}

function decisionOf(returned: unknown): unknown {
  if (Array.isArray(returned)) return returned.map(decisionOf);
  return returned instanceof Send ? { node: returned.node, arg: returned.argument ?? null } : returned;
}

function resultOf(name: string, returned: unknown): Pick<FromWorker & { kind: "result" }, "update" | "goto"> {
  const { update, goto } =
    returned instanceof Command ? returned : { update: (returned ?? {}) as Record<string, unknown>, goto: [] };
  if (!isPlainMap(update)) throw new Error(`${name} must return an object of updates, a command or nothing`);
  return {
    update: Object.entries(update as Record<string, unknown>).map(([channel, value]) =>
      value instanceof Overwrite
        ? { channel, value: fromCode(value.value), overwrite: true }
        : { channel, value: fromCode(value), overwrite: false },
    ),
    goto: goto.map((target): string | SentNode =>
      target instanceof Send ? { node: target.node, arg: fromCode(target.argument) } : target,
    ),
  };
}

function failed(id: number, message: string): FromWorker {
  return { kind: "failed", id, message };
}

async function handle(call: CallMessage): Promise<void> {
  const controller = new AbortController();
  calls.set(call.id, controller);
  try {
    tell(await answer(call, controller.signal));
  } catch (thrown) {
    if (thrown instanceof Interrupted) {
      tell({ kind: "interrupted", id: call.id, index: thrown.index, value: fromCode(thrown.question) });
    } else tell(failed(call.id, thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)));
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
