// What workers are measured at: the server's own hub and WorkerService, to which tasks are given without runs and without a
// store, and beside them a bare bidirectional stream whose messages the other side sends back.
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { pino } from "pino";
import { NodeInputSchema, TaskKind } from "../../../src/gen/cairn/v1/worker_service_pb.ts";
import { serviceDefinition } from "../../../src/server/adapter.ts";
import { openToAll } from "../../../src/server/auth.ts";
import { Gate } from "../../../src/server/gate.ts";
import { bind, serverOptions } from "../../../src/server/listen.ts";
import { workerService } from "../../../src/server/worker-service.ts";
import { openStore } from "../../../src/store/open.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { encodeMsgpack } from "../../../src/values/msgpack-encode.ts";
import { workerTerms } from "../../../src/workers/terms.ts";
import { WorkerHub } from "../../../src/workers/worker-hub.ts";

/** What a task gets and gives back, and what the bare stream carries. */
export const PAYLOAD_BYTES = 2048;

const text = "x".repeat(PAYLOAD_BYTES - 20);

const input = toBinary(
  NodeInputSchema,
  create(NodeInputSchema, { view: { case: "state", value: { channels: { text: encodeMsgpack(text) } } } }),
);

type Echo = ServerDuplexStream<Buffer, Buffer>;

export class Host {
  readonly address: string;
  readonly #hub: WorkerHub;
  readonly #echoes: Echoes;
  readonly #close: () => Promise<void>;

  private constructor(address: string, hub: WorkerHub, echoes: Echoes, close: () => Promise<void>) {
    this.address = address;
    this.#hub = hub;
    this.#echoes = echoes;
    this.#close = close;
  }

  static async start(): Promise<Host> {
    const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
    const environment = systemEnvironment;
    const log = pino({ level: "error" });
    const store = await openStore({ folder }, environment);
    const parts = { store, environment, serverId: randomUUID(), log };
    const hub = new WorkerHub({ ...parts, leaseMs: workerTerms.leaseMs });
    const service = workerService({ ...parts, workers: hub });
    const server = new Server(serverOptions);
    const admit = new Gate(openToAll);
    server.addService(
      serviceDefinition(service.service),
      service.implement({ admit: admit.admit.bind(admit), log: parts.log }),
    );
    const echoes = new Echoes(server);
    const port = await bind(server, "127.0.0.1", 0, ServerCredentials.createInsecure());
    return new Host(`127.0.0.1:${port}`, hub, echoes, async () => {
      await hub.close();
      server.forceShutdown();
      await store.close();
      rmSync(folder, { recursive: true });
    });
  }

  /** Whether a worker, or the other side of a bare stream, is there. */
  has(kind: "worker" | "echo"): boolean {
    return kind === "worker" ? this.#hub.hasOwnWorkers() : this.#echoes.open.length > 0;
  }

  /** One task, from its sending to its result. */
  async task(): Promise<void> {
    const outcome = await this.#hub.run(
      {
        space: "default",
        threadId: "bench",
        runId: "bench",
        namespace: "",
        taskId: randomUUID(),
        node: "same",
        handler: "same",
        kind: TaskKind.NODE,
        attempt: 1,
        params: undefined,
        input,
        deadlineMs: undefined,
        wait: undefined,
        leases: undefined,
        onWaits: () => {},
      },
      () => {},
      new AbortController().signal,
    );
    if (outcome.kind !== "result") throw new Error(`a task ended otherwise: ${JSON.stringify(outcome)}`);
  }

  /** One message there and back; as many at once as there are calls of it. Answers come in the order of questions. */
  async echo(): Promise<void> {
    await this.#echoes.ask();
  }

  close(): Promise<void> {
    return this.#close();
  }
}

const message = Buffer.alloc(PAYLOAD_BYTES, "x");

const same = (bytes: Buffer): Buffer => bytes;
const serializers = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** The bare streams, and who waits for an answer on them. */
class Echoes {
  readonly open: Echo[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(server: Server) {
    const talk = { path: "/bench.Echo/Talk", requestStream: true, responseStream: true, ...serializers } as const;
    server.addService({ talk }, { talk: (stream: Echo) => this.#add(stream) });
  }

  async ask(): Promise<void> {
    const [stream] = this.open;
    if (stream === undefined) throw new Error("there is nobody to send it back");
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    stream.write(message);
    await promise;
  }

  #add(stream: Echo): void {
    this.open.push(stream);
    stream.on("data", () => this.#waiting.shift()?.());
    for (const end of ["end", "error", "cancelled"]) {
      stream.on(end, () => {
        if (this.open.includes(stream)) this.open.splice(this.open.indexOf(stream), 1);
      });
    }
  }
}
