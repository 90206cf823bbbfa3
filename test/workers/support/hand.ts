import { randomUUID } from "node:crypto";
import { openTransport } from "../../../clients/typescript/src/channel.ts";
import { type CairnClientError, toClientError } from "../../../clients/typescript/src/index.ts";
import { type WorkerMessage, WorkerStream } from "../../../clients/typescript/src/worker/worker-stream.ts";
import type { TaskLease, WorkResponse } from "../../../src/gen/cairn/v1/worker_service_pb.ts";
import { until } from "../../runs/support/bench.ts";

type Answer = WorkResponse["message"];

type ValueOf<Case> = Extract<Answer, { case: Case }>["value"];

/** A worker driven by hand. */
export class Hand {
  readonly heard: Answer[] = [];
  readonly acked: TaskLease[] = [];
  readonly ended: Promise<CairnClientError | undefined>;
  readonly #transport: ReturnType<typeof openTransport>;
  readonly #stream: WorkerStream;

  constructor(bench: { listen: string; space: string }) {
    this.#transport = openTransport({ address: bench.listen, space: bench.space });
    this.#stream = new WorkerStream(this.#transport);
    this.ended = this.#listen();
  }

  send(...messages: WorkerMessage[]): this {
    for (const message of messages) this.#stream.send(message);
    return this;
  }

  hello(more: Record<string, unknown> = {}): this {
    const value = { protocolVersion: 1, workerId: "hand", sessionId: randomUUID(), nodes: ["work"], slots: 2, ...more };
    return this.send({ case: "hello", value });
  }

  /** Takes so many tasks more. */
  grant(credit: number): this {
    this.#stream.send({ case: "heartbeat", value: {} }, credit);
    return this;
  }

  /** Waits for a message of a kind. */
  async hears<Case extends NonNullable<Answer["case"]>>(kind: Case): Promise<ValueOf<Case>> {
    await until(`the worker hears ${kind}`, () => this.heard.some((message) => message.case === kind));
    const found = this.heard.find((message) => message.case === kind);
    return found?.value as ValueOf<Case>;
  }

  /** Waits until a result is acknowledged. */
  async isAcked({ taskId, epoch }: TaskLease): Promise<void> {
    const isIt = (lease: TaskLease) => lease.taskId === taskId && lease.epoch === epoch;
    await until("the result is acknowledged", () => this.acked.some(isIt));
  }

  close(): void {
    this.#stream.cancel();
    this.#transport.channel.close();
  }

  async #listen(): Promise<CairnClientError | undefined> {
    try {
      for await (const { message, acked } of this.#stream.messages()) {
        // One that only acknowledges has nothing else to say.
        if (message.case !== undefined) this.heard.push(message as Answer);
        this.acked.push(...(acked as TaskLease[]));
      }
      return undefined;
    } catch (thrown) {
      return toClientError(thrown);
    }
  }
}
