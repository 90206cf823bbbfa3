import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { type WorkResponse, WorkResponseSchema } from "../gen/cairn/v1/worker_service_pb.ts";
import { pieces } from "./pieces.ts";

/** What a worker is told. */
export type Message = MessageInitShape<typeof WorkResponseSchema>["message"];

/** What one stream is still to be told, in order. It holds payloads by reference: pieces are cut as the stream takes them. */
export class Outbox implements AsyncIterable<WorkResponse> {
  readonly #queue: (() => Iterable<WorkResponse>)[] = [];
  #end: { thrown?: unknown } | undefined;
  #wake = (): void => {};

  send(message: Message): void {
    this.#push(() => [create(WorkResponseSchema, { message })]);
  }

  /** Sends a message that carries the first piece of a payload, and the rest behind it. */
  sendPayload(bytes: Uint8Array, first: (payload: { data: Uint8Array; sizeBytes: bigint }) => Message): void {
    this.#push(function* () {
      let isFirst = true;
      for (const data of pieces(bytes)) {
        const message: Message = isFirst
          ? first({ data, sizeBytes: BigInt(bytes.length) })
          : { case: "chunk", value: { data } };
        isFirst = false;
        yield create(WorkResponseSchema, { message });
      }
    });
  }

  /** Ends the stream behind what has been sent; with an error, at once. */
  end(thrown?: unknown): void {
    this.#end ??= thrown === undefined ? {} : { thrown };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WorkResponse> {
    for (;;) {
      if (this.#end?.thrown !== undefined) throw this.#end.thrown;
      const next = this.#queue.shift();
      if (next !== undefined) yield* next();
      else if (this.#end !== undefined) return;
      else await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  #push(item: () => Iterable<WorkResponse>): void {
    if (this.#end !== undefined) return;
    this.#queue.push(item);
    this.#wake();
  }
}
