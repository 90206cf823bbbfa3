import { promisify } from "node:util";
import { openTransport } from "./channel.ts";
import { CheckpointStore } from "./checkpoints/checkpoint-store.ts";
import { Code } from "./code.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { CairnClientError } from "./error.ts";
import { AdminService } from "./gen/cairn/v1/admin_service_pb.ts";
import { CheckpointService } from "./gen/cairn/v1/checkpoint_service_pb.ts";
import { GraphService } from "./gen/cairn/v1/graph_service_pb.ts";
import { RunService } from "./gen/cairn/v1/run_service_pb.ts";
import { ThreadService } from "./gen/cairn/v1/thread_service_pb.ts";
import { WorkerService } from "./gen/cairn/v1/worker_service_pb.ts";
import { Graphs } from "./graphs.ts";
import { checkNodeVersion } from "./node-version.ts";
import { type ServiceCalls, serviceCalls } from "./service-calls.ts";
import { Thread } from "./thread.ts";
import { Threads } from "./threads.ts";
import type { Transport } from "./transport.ts";
import { Worker, type WorkerOptions } from "./worker/worker.ts";

/** The API as it is on the wire: every RPC, its request as an object, its response as a message. */
export interface Services {
  readonly admin: ServiceCalls<typeof AdminService>;
  readonly checkpoints: ServiceCalls<typeof CheckpointService>;
  readonly graphs: ServiceCalls<typeof GraphService>;
  readonly runs: ServiceCalls<typeof RunService>;
  readonly threads: ServiceCalls<typeof ThreadService>;
  /** Without `Work`: `CairnClient.worker` speaks it. */
  readonly workers: ServiceCalls<typeof WorkerService>;
}

/**
 * A connection to one space of a Cairn server. Safe to share; close it when done.
 *
 * Every call has a deadline. Calls that change nothing, and changes that carry a request_id (which the client adds
 * by itself), are retried when the server can't be reached. Errors are `CairnClientError`s; a run that fails or
 * stops to ask is no error but an outcome.
 */
export class CairnClient {
  /** The API as it is on the wire. */
  readonly services: Services;
  /** Registering and looking at graphs. */
  readonly graphs: Graphs;
  /** Finding and creating threads. */
  readonly threads: Threads;
  /** The checkpoint store as it is on the wire, for framework adapters. */
  readonly checkpoints: Services["checkpoints"];
  /** Putting and reading checkpoints, sending only what changed. */
  readonly checkpointStore: CheckpointStore;
  /** Looking after the server, as it is on the wire. */
  readonly admin: Services["admin"];
  readonly #transport: Transport;

  private constructor(transport: Transport, options: ConnectOptions) {
    this.#transport = transport;
    this.services = {
      admin: serviceCalls(AdminService, transport),
      checkpoints: serviceCalls(CheckpointService, transport),
      graphs: serviceCalls(GraphService, transport),
      runs: serviceCalls(RunService, transport),
      threads: serviceCalls(ThreadService, transport),
      workers: serviceCalls(WorkerService, transport),
    };
    this.graphs = new Graphs(this.services.graphs);
    this.threads = new Threads(this.services.threads);
    this.checkpoints = this.services.checkpoints;
    this.checkpointStore = new CheckpointStore(this.services.checkpoints, options);
    this.admin = this.services.admin;
  }

  /**
   * Makes a client. Nothing is sent yet: the first call connects, and says UNAVAILABLE if nobody is there.
   * Throws INVALID_ARGUMENT for TLS options that contradict each other, FAILED_PRECONDITION under a Node.js that is
   * too old.
   */
  static connect(options: ConnectOptions = {}): CairnClient {
    checkNodeVersion();
    return new CairnClient(openTransport(options), options);
  }

  /** A thread by its id. It need not exist: a run creates it. */
  thread(id: string): Thread {
    return new Thread(id, { services: this.services, transport: this.#transport });
  }

  /** A worker that runs nodes in this process, over this client's connection: `await client.worker({ nodes }).run()`. */
  worker(options: WorkerOptions): Worker {
    return new Worker(this.#transport, options);
  }

  /** Resolves once the server has been reached; UNAVAILABLE if not within `deadlineMs`. */
  async ready(deadlineMs = 5_000): Promise<void> {
    const { channel, environment } = this.#transport;
    try {
      await promisify(channel.waitForReady.bind(channel))(environment.nowMs() + deadlineMs);
    } catch (thrown) {
      const message = `no server answers at ${channel.getChannel().getTarget()}`;
      throw new CairnClientError({ code: Code.Unavailable, message, cause: thrown });
    }
  }

  /** Closes the connection. Calls that are under way end with UNAVAILABLE or CANCELLED. */
  close(): void {
    this.#transport.channel.close();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
