import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "../code.ts";
import { CairnClientError } from "../error.ts";
import type { Task, TaskLease, WorkerWelcome, WorkResponse } from "../gen/cairn/v1/worker_service_pb.ts";
import { backoffMs, wait } from "../retry.ts";
import { toClientError } from "../to-client-error.ts";
import type { Transport } from "../transport.ts";
import type { NodeFunction } from "./node-function.ts";
import { failure, runTask, type TaskResult } from "./run-task.ts";
import { WorkerStream } from "./worker-stream.ts";

/** What a worker serves, and how. */
export interface WorkerOptions {
  /** Code by the name that graphs use for it: a node's own, or its `handler`. */
  nodes: Record<string, NodeFunction>;
  /** How many tasks run at a time, 1 to 1,000. Default 8. */
  slots?: number;
  /** Its name, unique in the space. Default: the host's name, the process's number and something random. */
  id?: string;
}

/** A task that this process holds: at work, or with a result that is not settled. */
interface Held {
  lease: TaskLease;
  abort: AbortController;
  result: TaskResult | undefined;
}

const protocolVersion = 1;
const slotsDefault = 8;
const sdk = `cairn-typescript/0.1.0 node/${process.versions.node} ${process.platform}`;

/**
 * Runs a graph's nodes in this process. A connection that breaks is made again, with the tasks that are at work and the
 * results that the server has not acknowledged.
 */
export class Worker {
  /** Its name. */
  readonly id: string;
  readonly #transport: Transport;
  readonly #nodes: ReadonlyMap<string, NodeFunction>;
  readonly #slots: number;
  readonly #sessionId = randomUUID();
  readonly #held = new Map<string, Held>();
  #stream: WorkerStream | undefined;
  #welcome: WorkerWelcome | undefined;
  #coming: { task: Task; pieces: Uint8Array[]; left: number } | undefined;
  #isStopping = false;
  #reconnectMs = 0;
  /** Code that is at work, also for tasks that were dropped. */
  #running = 0;
  /** Ends a pause between two streams. */
  readonly #done = new AbortController();
  readonly #ready = Promise.withResolvers<void>();

  /** Made by `CairnClient.worker`. */
  constructor(transport: Transport, { nodes, slots = slotsDefault, id }: WorkerOptions) {
    this.#transport = transport;
    this.#nodes = new Map(Object.entries(nodes));
    this.#slots = slots;
    this.id = id ?? `${hostname()}-${process.pid}-${this.#sessionId.slice(0, 8)}`;
    this.#ready.promise.catch(() => {});
  }

  /** Resolves when a server has let the worker in; rejects when `run` ends before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Serves until `stop` is called or `signal` aborts, and resolves when the tasks at work have been told. Throws what
   * another attempt would meet again (TOKEN_INVALID, SPACE_DENIED, INVALID_FIELD, PROTOCOL_VERSION, WORKER_REPLACED); all else
   * is tried again for ever: a connection that breaks, another worker of this name whose leases are not over.
   */
  async run(signal?: AbortSignal): Promise<void> {
    const stop = () => this.stop();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    const { environment, retry } = this.#transport;
    try {
      for (let failures = 0; !this.#isDone; ) {
        const error = await this.#serve(() => (failures = 0));
        if (this.#isDone) break;
        if (error !== undefined && !isWorthAnother(error)) throw error;
        failures++;
        const pauseMs = this.#reconnectMs * environment.random() + backoffMs(failures, retry, environment.random);
        this.#reconnectMs = 0;
        await wait(environment, pauseMs, this.#done.signal).catch(() => {});
      }
    } catch (thrown) {
      this.#ready.reject(thrown);
      for (const { abort } of this.#held.values()) abort.abort();
      throw thrown;
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#ready.reject(new CairnClientError({ code: Code.Cancelled, message: "the worker has stopped" }));
    }
  }

  /** Takes no more tasks; `run` resolves when those at work have been told. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#stream?.send({ case: "drain", value: {} });
    this.#endIfDone();
  }

  get #isDone(): boolean {
    return this.#isStopping && this.#held.size === 0;
  }

  /** One stream, from its Hello to its end; gives the error that it ended with. */
  async #serve(onWelcome: () => void): Promise<CairnClientError | undefined> {
    const stream = new WorkerStream(this.#transport);
    this.#stream = stream;
    this.#coming = undefined;
    let stopBeating = (): void => {};
    try {
      stream.send({ case: "hello", value: this.#hello() });
      for await (const { message, acked } of stream.messages()) {
        for (const lease of acked) this.#drop({ lease });
        if (message.case !== "welcome") this.#hear(message);
        else {
          onWelcome();
          this.#begin(message.value);
          stopBeating = this.#beat(message.value);
        }
      }
      return undefined;
    } catch (thrown) {
      return toClientError(thrown);
    } finally {
      stopBeating();
      this.#stream = undefined;
    }
  }

  #hello() {
    return {
      protocolVersion,
      workerId: this.id,
      sessionId: this.#sessionId,
      nodes: [...this.#nodes.keys()],
      slots: this.#slots,
      held: [...this.#held.values()].map(({ lease }) => lease),
      sdk,
      pid: BigInt(process.pid),
    };
  }

  #begin(welcome: WorkerWelcome): void {
    this.#welcome = welcome;
    this.#ready.resolve();
    for (const held of this.#held.values()) this.#tell(held);
    const free = this.#slots - this.#running;
    if (this.#isStopping) this.#stream?.send({ case: "drain", value: {} });
    else if (free > 0) this.#stream?.send({ case: "heartbeat", value: {} }, free);
  }

  #beat({ heartbeat }: WorkerWelcome): () => void {
    const everyMs = heartbeat === undefined ? 10_000 : durationMs(heartbeat);
    const timer = setInterval(() => this.#stream?.send({ case: "heartbeat", value: {} }), everyMs);
    return () => clearInterval(timer);
  }

  #hear(message: WorkResponse["message"]): void {
    if (message.case === "task") this.#take(message.value);
    else if (message.case === "chunk") this.#takeChunk(message.value.data);
    else if (message.case === "evict" || message.case === "cancel") this.#drop(message.value);
    else if (message.case === "draining") {
      const { reconnectAfter } = message.value;
      this.#reconnectMs = reconnectAfter === undefined ? 0 : durationMs(reconnectAfter);
    }
  }

  #take(task: Task): void {
    const { data = new Uint8Array(), sizeBytes = 0n } = task.input ?? {};
    this.#coming = { task, pieces: [], left: Number(sizeBytes) };
    this.#takeChunk(data);
  }

  #takeChunk(data: Uint8Array): void {
    const coming = this.#coming;
    if (coming === undefined) return;
    coming.pieces.push(data);
    coming.left -= data.length;
    if (coming.left > 0) return;
    this.#coming = undefined;
    void this.#run(coming.task, Buffer.concat(coming.pieces));
  }

  async #run(task: Task, input: Uint8Array): Promise<void> {
    const { lease } = task;
    if (lease === undefined) return;
    const key = keyOf(lease);
    const known = this.#held.get(key);
    // Sent again: a server asks for what this process has already.
    if (known !== undefined) return this.#tell(known);
    const held: Held = { lease, abort: new AbortController(), result: undefined };
    this.#held.set(key, held);
    this.#running++;
    held.result = await this.#resultOf(task, input, held);
    this.#running--;
    const credit = this.#isStopping ? 0 : 1;
    if (this.#held.has(key)) this.#tell(held, credit);
    // One of a task that was dropped meanwhile is nobody's.
    else if (credit > 0) this.#stream?.send({ case: "heartbeat", value: {} }, credit);
  }

  async #resultOf(task: Task, input: Uint8Array, held: Held): Promise<TaskResult> {
    const code = this.#nodes.get(task.handler);
    if (code === undefined) return failure("ReferenceError", `this worker serves no ${task.handler}`);
    const { lease, abort } = held;
    const { signal } = abort;
    const tell: Parameters<typeof runTask>[2]["tell"] = (what) => {
      if (!signal.aborted && held.result === undefined)
        this.#stream?.send({ case: "progress", value: { lease, what } });
    };
    const result = await runTask(task, input, { code, signal, tell });
    const { payloadBytesMax = 0n } = this.#welcome ?? {};
    if (!("payload" in result) || result.payload.length <= payloadBytesMax) return result;
    return failure("RangeError", `the result has ${result.payload.length} bytes; a server takes ${payloadBytesMax}`);
  }

  /** Tells a result, if it is there, and with it that so many tasks more are taken. */
  #tell({ lease, result }: Held, credit = 0): void {
    if (result === undefined) return;
    const { chunkBytes = 0 } = this.#welcome ?? {};
    if (result.kind === "complete") {
      this.#stream?.sendPayload(result.payload, chunkBytes, credit, (payload) => ({
        case: "complete",
        value: { lease, result: payload },
      }));
    } else if (result.kind === "interrupt") {
      const { index } = result;
      this.#stream?.sendPayload(result.payload, chunkBytes, credit, (question) => ({
        case: "interrupt",
        value: { lease, index, question },
      }));
    } else {
      const { name: kind, message, stack } = result;
      this.#stream?.send({ case: "fail", value: { lease, kind, message, stack } }, credit);
    }
  }

  #drop({ lease }: { lease?: TaskLease }): void {
    if (lease === undefined) return;
    const key = keyOf(lease);
    const held = this.#held.get(key);
    if (held !== undefined && held.result === undefined) held.abort.abort();
    this.#held.delete(key);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isDone) return;
    this.#stream?.end();
    this.#done.abort();
  }
}

function keyOf({ threadId, taskId, epoch }: TaskLease): string {
  return JSON.stringify([threadId, taskId, String(epoch)]);
}

/** What this worker would meet again on every stream. */
const lasting: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.Unimplemented,
]);

/** Lost connections, names that become free when leases are over, servers that are full or have a fault of their own. */
function isWorthAnother({ code, reason }: CairnClientError): boolean {
  return !lasting.has(code) && reason !== "WORKER_REPLACED";
}
