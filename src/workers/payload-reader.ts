import { invalidField } from "../errors.ts";
import type { Payload } from "../gen/cairn/v1/worker_service_pb.ts";
import { workerTerms } from "./terms.ts";

/** Puts the pieces of one payload at a time together. */
export class PayloadReader {
  #coming: { pieces: Uint8Array[]; bytes: number; size: number; done: (whole: Uint8Array) => void } | undefined;

  /** A payload has begun and its rest has not come. */
  get isOpen(): boolean {
    return this.#coming !== undefined;
  }

  /** Takes the first piece; calls back with the whole, at once or with its last chunk. Throws INVALID_FIELD. */
  begin({ data, sizeBytes }: Payload, field: string, done: (whole: Uint8Array) => void): void {
    const size = Number(sizeBytes);
    if (size > workerTerms.payloadBytesMax) {
      throw invalidField(`${field}.size_bytes`, `is ${size}, over the limit of ${workerTerms.payloadBytesMax}`);
    }
    this.#coming = { pieces: [], bytes: 0, size, done };
    this.#add(data, `${field}.data`);
  }

  /** Takes the next piece. Throws INVALID_FIELD. */
  chunk(data: Uint8Array): void {
    if (this.#coming === undefined) throw invalidField("chunk", "belongs to no payload");
    if (data.length === 0) throw invalidField("chunk.data", "must not be empty");
    this.#add(data, "chunk.data");
  }

  #add(data: Uint8Array, field: string): void {
    const coming = this.#coming;
    if (coming === undefined) return;
    if (data.length > workerTerms.chunkBytes) {
      throw invalidField(field, `has ${data.length} bytes, over the limit of ${workerTerms.chunkBytes} for a piece`);
    }
    coming.pieces.push(data);
    coming.bytes += data.length;
    if (coming.bytes > coming.size) throw invalidField(field, "goes beyond the payload's size_bytes");
    if (coming.bytes < coming.size) return;
    this.#coming = undefined;
    coming.done(coming.pieces.length === 1 ? data : Buffer.concat(coming.pieces));
  }
}
