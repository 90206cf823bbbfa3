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

  /** `credit`: so many tasks more are taken. */
  send(message: WorkerMessage, credit = 0): void {
    if (this.#call.writableEnded || this.#call.destroyed) return;
    const { buffer, byteOffset, byteLength } = toBinary(
      WorkRequestSchema,
      create(WorkRequestSchema, { message, credit }),
    );
    this.#call.write(Buffer.from(buffer, byteOffset, byteLength));
  }

  /** Sends a message that carries the first piece of a payload, and the rest behind it; the credit goes with the last. */
  sendPayload(
    bytes: Uint8Array,
    chunkBytes: number,
    credit: number,
    first: (payload: { data: Uint8Array; sizeBytes: bigint }) => WorkerMessage,
  ): void {
    const creditAt = (end: number) => (end >= bytes.length ? credit : 0);
    const head = { data: bytes.subarray(0, chunkBytes), sizeBytes: BigInt(bytes.length) };
    this.send(first(head), creditAt(chunkBytes));
    for (let at = chunkBytes; at < bytes.length; at += chunkBytes) {
      const data = bytes.subarray(at, at + chunkBytes);
      this.send({ case: "chunk", value: { data } }, creditAt(at + chunkBytes));
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
  async *messages(): AsyncGenerator<WorkResponse> {
    try {
      for await (const bytes of this.#call) {
        const { buffer, byteOffset, byteLength } = bytes as Buffer;
        yield fromBinary(WorkResponseSchema, new Uint8Array(buffer, byteOffset, byteLength));
      }
    } catch (thrown) {
      throw toClientError(thrown);
    } finally {
      this.#call.cancel();
    }
  }
}
