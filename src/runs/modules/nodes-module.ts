import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { create } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, type Struct } from "@bufbuild/protobuf/wkt";
import { Cell } from "../../engine/cell.ts";
import { RunFailure } from "../../engine/failure.ts";
import type { NodeResult } from "../../engine/node-result.ts";
import type { Task } from "../../engine/tasks.ts";
import { write } from "../../engine/write.ts";
import { CairnError } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { TypedValueSchema } from "../../gen/cairn/v1/value_pb.ts";
import { decodeMsgpack } from "../../values/msgpack-decode.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import type { Plain } from "../../values/value.ts";
import type { CallMessage, FromWorker, MigrateMessage, SentNode, Told, ToWorker, WorkerStart } from "./protocol.ts";
import { InFlight } from "./telling.ts";

/** One call of a module's function. */
export interface ModuleCall {
  function: string;
  params: Struct | unknown;
  input: Task["input"];
  answers: Plain[];
  threadId: string;
  runId: string;
  taskId: string;
  node: string;
}

/** One migration of a state by a module's function. */
interface MigrationCall {
  function: string;
  params: unknown;
  state: ReadonlyMap<string, Cell>;
  context: MigrateMessage["context"];
}

type Reply = Exclude<FromWorker, Told | { kind: "loaded" | "unloadable" }>;

/** Hears what a node tells while it runs: a custom value, encoded, or a piece of a message. */
export type Hear = (told: Told) => void;

interface Waiting {
  worker: Worker;
  hear: (told: Told) => unknown;
  settle(reply: Reply | undefined): void;
}

interface Started {
  worker: Worker;
  functions: string[];
  inFlight: InFlight;
}

/** Worker threads of one server. A node that blocks holds up only the calls of its own thread. */
const workerCount = 2;

/** The functions of the file that `cairn serve --nodes FILE` names, run in worker threads. */
export class NodesModule {
  readonly functions: ReadonlySet<string>;
  readonly #file: string;
  /** Those that are starting included: calls wait for them. */
  readonly #workers: Promise<Worker>[];
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed = false;

  /** Loads the file. Throws INVALID_FIELD when it can't be loaded. */
  static async load(file: string): Promise<NodesModule> {
    const path = resolve(file);
    const started = await Promise.all(Array.from({ length: workerCount }, () => startWorker(path)));
    return new NodesModule(path, started);
  }

  private constructor(file: string, started: Started[]) {
    this.#file = file;
    this.functions = new Set(started[0]?.functions);
    this.#workers = started.map(({ worker }) => Promise.resolve(worker));
    for (const [slot, each] of started.entries()) this.#attend(each, slot);
  }

  /** Runs a function as a node. Throws RunFailure (NODE_FAILED). */
  async runNode(
    call: ModuleCall,
    signal: AbortSignal,
    hear: Hear,
  ): Promise<NodeResult | { index: number; value: Cell }> {
    const reply = await this.#call("node", call, signal, hear);
    if (reply.kind === "interrupted") return { index: reply.index, value: cellOf(reply.value) };
    if (reply.kind !== "result") throw nodeFailed(call, "did not answer as a node");
    return {
      update: reply.update.map(({ channel, value, overwrite }) => write(channel, cellOf(value), overwrite)),
      goto: reply.goto.map((target) =>
        typeof target === "string"
          ? target
          : { node: target.node, arg: cellOf(target.arg), sourceNode: call.node, timeout: timeoutOf(target) },
      ),
      toParent: reply.toParent,
      asked: reply.asked,
    };
  }

  /** Runs a function as a conditional edge. Throws RunFailure (NODE_FAILED). */
  async decide(call: ModuleCall, signal: AbortSignal): Promise<Plain> {
    const reply = await this.#call("decide", call, signal, () => {});
    if (reply.kind !== "decision") throw nodeFailed(call, "a conditional edge can't stop for an answer");
    return decodeMsgpack(reply.value);
  }

  /** Runs a function as a migration of a state; tells what went wrong rather than throws it. */
  async migrate(call: MigrationCall): Promise<{ set: Map<string, Cell>; kept: Set<string> } | { failed: string }> {
    const { function: name, params, context } = call;
    const state = new Map([...call.state].map(([channel, cell]) => [channel, cell.msgpack]));
    const id = this.#nextId++;
    try {
      const worker = await this.#worker(id % this.#workers.length);
      const message: ToWorker = { kind: "migrate", id, function: name, state, params, context };
      const reply = await this.#ask(id, worker, message, () => {});
      if (reply?.kind === "failed") return { failed: reply.message };
      if (reply?.kind !== "migrated") return { failed: "its worker thread ended" };
      return { set: new Map([...reply.set].map(([channel, data]) => [channel, cellOf(data)])), kept: reply.kept };
    } catch (thrown) {
      return { failed: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#workers.map(async (worker) => (await worker).terminate()));
  }

  async #call(as: CallMessage["as"], call: ModuleCall, signal: AbortSignal, hear: Hear): Promise<Reply> {
    const id = this.#nextId++;
    const worker = await this.#worker(id % this.#workers.length).catch((thrown: unknown) => {
      throw nodeFailed(call, thrown instanceof Error ? thrown.message : String(thrown));
    });
    if (signal.aborted) throw nodeFailed(call, "the run was cancelled before it began");
    const cancel = (): void => worker.postMessage({ kind: "cancel", id } satisfies ToWorker);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      // A node that goes on although it was told to stop is not heard any more.
      const reply = await this.#ask(id, worker, messageOf(id, as, call), (told) => signal.aborted || hear(told));
      if (reply === undefined) throw nodeFailed(call, "its worker thread ended");
      if (reply.kind === "failed") throw nodeFailed(call, reply.message, reply.name);
      return reply;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Sends a message and waits for its answer; undefined when the worker thread ends before. */
  async #ask(id: number, worker: Worker, message: ToWorker, hear: Waiting["hear"]): Promise<Reply | undefined> {
    try {
      return await new Promise<Reply | undefined>((settle) => {
        this.#waiting.set(id, { worker, settle, hear });
        worker.postMessage(message);
      });
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #worker(slot: number): Promise<Worker> {
    try {
      return await (this.#workers[slot] as Promise<Worker>);
    } catch (thrown) {
      this.#replace(slot);
      throw thrown;
    }
  }

  #attend({ worker, inFlight }: Pick<Started, "worker" | "inFlight">, slot: number): void {
    worker.on("message", (message: FromWorker) => {
      if (!("id" in message)) return;
      const call = this.#waiting.get(message.id);
      if (message.kind === "alive" || message.kind === "custom" || message.kind === "token") {
        inFlight.end();
        call?.hear(message);
      } else call?.settle(message);
    });
    // Without a listener an error of the module's own timers would end the server.
    worker.on("error", () => {});
    worker.on("exit", () => {
      for (const { worker: other, settle } of this.#waiting.values()) if (other === worker) settle(undefined);
      if (!this.#closed) this.#replace(slot);
    });
  }

  /** Starts a thread in place of one that ended (process.exit in a node, out of memory) and failed its calls. */
  #replace(slot: number): void {
    const starting = startWorker(this.#file).then((started) => {
      this.#attend(started, slot);
      return started.worker;
    });
    // The next call hears of a start that fails, and tries again.
    starting.catch(() => {});
    this.#workers[slot] = starting;
  }
}

async function startWorker(file: string): Promise<Started> {
  const inFlight = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WorkerStart = { file, inFlight };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData });
  worker.unref();
  const first = await new Promise<FromWorker>((done, fail) => {
    worker.once("message", done);
    worker.once("error", fail);
    worker.once("exit", () => fail(new Error("its worker thread ended while it loaded the nodes module")));
  });
  if (first.kind === "loaded") return { worker, functions: first.functions, inFlight: new InFlight(inFlight) };
  await worker.terminate();
  const message = first.kind === "unloadable" ? first.message : "no answer";
  throw new CairnError(ErrorReason.INVALID_FIELD, `the nodes module ${file} can't be loaded: ${message}`, {
    metadata: { field: "nodes", file },
  });
}

function messageOf(id: number, as: CallMessage["as"], call: ModuleCall): CallMessage {
  const { input, answers, threadId, runId, taskId, node } = call;
  const state =
    "state" in input ? new Map([...input.state].map(([name, cell]) => [name, cell.msgpack])) : input.argument.msgpack;
  return {
    kind: "call",
    id,
    as,
    function: call.function,
    state,
    params: call.params,
    answers: answers.map((answer) => encodeMsgpack(answer)),
    context: { threadId, runId, taskId, node },
  };
}

function timeoutOf({ timeoutMs }: SentNode): Duration | undefined {
  return timeoutMs === undefined ? undefined : durationFromMs(timeoutMs);
}

function cellOf(data: Uint8Array): Cell {
  return new Cell(create(TypedValueSchema, { type: "msgpack", data }));
}

function nodeFailed(call: ModuleCall, message: string, kind = ""): RunFailure {
  return new RunFailure(ErrorReason.NODE_FAILED, `node ${JSON.stringify(call.node)}: ${message}`, {
    node: call.node,
    taskId: call.taskId,
    kind,
  });
}
