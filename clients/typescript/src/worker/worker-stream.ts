import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import {
  type WorkRequestSchema as RequestSchema,
  type WorkerService,
  WorkRequestSchema,
  type WorkResponse,
  WorkResponseSchema,
} from "../gen/cairn/v1/worker_service_pb.ts";
import { toClientError } from "../to-client-error.ts";
import type { Transport } from "../transport.ts";

/** What a worker tells. */
export type WorkerMessage = MessageInitShape<typeof RequestSchema>["message"];

const path: `/${(typeof WorkerService)["typeName"]}/Work` = "/cairn.v1.WorkerService/Work";
const same = (bytes: Buffer): Buffer => bytes;

/** One stream of a worker to a server. */
export class WorkerStream {
  readonly #call: ClientDuplexStream<Buffer, Buffer>;

  constructor({ channel, metadata }: Transport) {
    this.#call = channel.makeBidiStreamRequest(path, same, same, metadata);
    // Whoever reads hears of errors; after the end a late one must not end the process.
    this.#call.on("error", () => {});
  }

  send(message: WorkerMessage): void {
    if (this.#call.writableEnded || this.#call.destroyed) return;
    this.#call.write(Buffer.from(toBinary(WorkRequestSchema, create(WorkRequestSchema, { message }))));
  }

  /** Sends a message that carries the first piece of a payload, and the rest behind it. */
  sendPayload(
    bytes: Uint8Array,
    chunkBytes: number,
    first: (payload: { data: Uint8Array; sizeBytes: bigint }) => WorkerMessage,
  ): void {
    this.send(first({ data: bytes.subarray(0, chunkBytes), sizeBytes: BigInt(bytes.length) }));
    for (let at = chunkBytes; at < bytes.length; at += chunkBytes) {
      this.send({ case: "chunk", value: { data: bytes.subarray(at, at + chunkBytes) } });
    }
  }

  /** Says that nothing more comes. */
  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** What the server tells, until the stream ends. Throws a CairnClientError when it breaks. */
  async *messages(): AsyncGenerator<WorkResponse["message"]> {
    try {
      for await (const bytes of this.#call) {
        const { buffer, byteOffset, byteLength } = bytes as Buffer;
        yield fromBinary(WorkResponseSchema, new Uint8Array(buffer, byteOffset, byteLength)).message;
      }
    } catch (thrown) {
      throw toClientError(thrown);
    } finally {
      this.#call.cancel();
    }
  }
}
