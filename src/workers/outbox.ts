import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type WorkResponse, WorkResponseSchema } from "../gen/cairn/v1/worker_service_pb.ts";
import type { Clock } from "../system/environment.ts";
import type { LeaseName } from "./assignment.ts";
import { pieces } from "./pieces.ts";
import { workerTerms } from "./terms.ts";

/** What a worker is told. */
export type Message = MessageInitShape<typeof WorkResponseSchema>["message"];

/**
 * What one stream is still to be told, in order. It holds payloads by reference: pieces are cut as the stream takes them.
 * Acknowledgements have no place in the order: they ride with what comes next.
 */
export class Outbox implements AsyncIterable<WorkResponse> {
  readonly #clock: Clock;
  readonly #queue: (() => Iterable<Message>)[] = [];
  #acked: LeaseName[] = [];
  #stopAckTimer: (() => void) | undefined;
  #end: { thrown?: unknown } | undefined;
  #wake = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(message: Message): void {
    this.#push(() => [message]);
  }

  /** Sends a message that carries the first piece of a payload, and the rest behind it. */
  sendPayload(bytes: Uint8Array, first: (payload: { data: Uint8Array; sizeBytes: bigint }) => Message): void {
    this.#push(function* () {
      let isFirst = true;
      for (const data of pieces(bytes)) {
        yield isFirst ? first({ data, sizeBytes: BigInt(bytes.length) }) : { case: "chunk", value: { data } };
        isFirst = false;
      }
    });
  }

  /** Says that a result is settled: with the next message, or alone when none comes at once. */
  ack(lease: LeaseName): void {
    if (this.#end !== undefined) return;
    this.#acked.push(lease);
    if (this.#acked.length === workerTerms.acksAtOnce) this.#sendAcks();
    else this.#stopAckTimer ??= this.#clock.after(workerTerms.ackWaitMs, () => this.#sendAcks());
  }

  /** Ends the stream behind what has been sent; with an error, at once. */
  end(thrown?: unknown): void {
    if (this.#acked.length > 0) this.#sendAcks();
    this.#end ??= thrown === undefined ? {} : { thrown };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WorkResponse> {
    for (;;) {
      if (this.#end?.thrown !== undefined) throw this.#end.thrown;
      const next = this.#queue.shift();
      if (next !== undefined) {
        for (const message of next()) yield create(WorkResponseSchema, { message, acked: this.#takeAcked() });
      } else if (this.#end !== undefined) return;
      else await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  #push(item: () => Iterable<Message>): void {
    if (this.#end !== undefined) return;
    this.#queue.push(item);
    this.#wake();
  }

  /** Also when the stream is ending: it acknowledges all of them first. */
  #sendAcks(): void {
    this.#queue.push(() => [{ case: undefined }]);
    this.#wake();
  }

  #takeAcked(): LeaseName[] {
    this.#stopAckTimer?.();
    this.#stopAckTimer = undefined;
    const taken = this.#acked.splice(0, workerTerms.acksAtOnce);
    if (this.#acked.length > 0) this.#sendAcks();
    return taken;
  }
}
