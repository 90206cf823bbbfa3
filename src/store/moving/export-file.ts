import { crc32 } from "node:zlib";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { CairnError, invalidField } from "../../errors.ts";
import { type ExportFrame, ExportFrameSchema } from "../../gen/cairn/store/v1/export_pb.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { limits } from "../../limits.ts";

/** The format is told in docs/export-format.md. */
const MAGIC = Buffer.from([0x89, 0x43, 0x41, 0x49, 0x52, 0x4e, 0x0d, 0x0a]);
const VERSION = 1;
const HEAD_BYTES = MAGIC.length + 4;
/** A record, or a part of a value, and what its frame adds. */
const FRAME_BYTES_MAX = limits.recordBytesMax + limits.valuePartBytes;
/** Seven bits a byte: more than any frame has. */
const LENGTH_BYTES_MAX = 5;

type Frame = MessageInitShape<typeof ExportFrameSchema>["frame"];

/** Makes the bytes of a file, frame by frame. */
export class ExportEncoder {
  #crc = 0;

  head(): Uint8Array {
    const head = Buffer.alloc(HEAD_BYTES);
    MAGIC.copy(head);
    head.writeUInt32LE(VERSION, MAGIC.length);
    return this.#counted(head);
  }

  frame(frame: Exclude<Frame, { case: "end" }>): Uint8Array {
    return this.#counted(framed(frame));
  }

  end(end: Omit<Extract<Frame, { case: "end" }>["value"], "crc32" | "$typeName">): Uint8Array {
    return framed({ case: "end", value: { ...end, crc32: this.#crc } });
  }

  #counted(bytes: Buffer): Uint8Array {
    this.#crc = crc32(bytes, this.#crc);
    return bytes;
  }
}

function framed(frame: Frame): Buffer {
  const bytes = toBinary(ExportFrameSchema, create(ExportFrameSchema, { frame }));
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

function lengthOf(length: number): Buffer {
  const bytes: number[] = [];
  for (; length > 0x7f; length = Math.floor(length / 128)) bytes.push((length % 128) | 0x80);
  return Buffer.from([...bytes, length]);
}

/** Reads a file's frames out of chunks of any size. Throws INVALID_FIELD where it is not as it was written. */
export async function* decodeExport(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ExportFrame["frame"]> {
  let rest: Buffer = Buffer.alloc(0);
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let needed = HEAD_BYTES;
  let crc = 0;
  let hasHead = false;
  let hasEnd = false;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    // Joined once there is enough of them: small chunks of a large frame would be copied again and again.
    if (bytes < needed) continue;
    rest = Buffer.concat([rest, ...waiting]);
    waiting = [];
    if (hasEnd && rest.length > 0) throw damaged("something follows its end");
    if (!hasHead) {
      checkHead(rest);
      crc = crc32(rest.subarray(0, HEAD_BYTES), crc);
      rest = rest.subarray(HEAD_BYTES);
      hasHead = true;
    }
    for (let found = nextFrame(rest); found !== undefined; found = nextFrame(rest)) {
      if (hasEnd) throw damaged("something follows its end");
      const { frame } = found;
      if (frame.case === "end" && frame.value.crc32 !== crc) throw damaged("its checksum is another one");
      crc = crc32(rest.subarray(0, found.bytes), crc);
      rest = rest.subarray(found.bytes);
      hasEnd = frame.case === "end";
      // The last one counts only when nothing follows it.
      if (!hasEnd) yield frame;
      else if (rest.length > 0) throw damaged("something follows its end");
      else yield frame;
    }
    bytes = rest.length;
    needed = bytes + missingBytes(rest);
  }
  if (!hasEnd) throw damaged("it is truncated");
}

function checkHead(bytes: Buffer): void {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw invalidField("data", "the file is no export of a thread");
  const version = bytes.readUInt32LE(MAGIC.length);
  if (version > VERSION) {
    throw new CairnError(
      ErrorReason.LAYOUT_TOO_NEW,
      `the file has version ${version}, this server reads up to version ${VERSION}`,
      { metadata: { layout: `${version}`, known_layout: `${VERSION}` } },
    );
  }
  if (version < 1) throw damaged("it names no version");
}

/** The frame at the beginning, if all of it is there. */
function nextFrame(bytes: Buffer): { frame: ExportFrame["frame"]; bytes: number } | undefined {
  let length = 0;
  let at = 0;
  for (let isMore = true; isMore; at++) {
    const byte = bytes[at];
    if (at === LENGTH_BYTES_MAX) throw damaged("a length is too large");
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** at;
    isMore = byte > 0x7f;
  }
  if (length > FRAME_BYTES_MAX) throw damaged("a length is too large");
  if (bytes.length < at + length) return undefined;
  const body = new Uint8Array(bytes.subarray(at, at + length));
  return { frame: decodeFrame(body), bytes: at + length };
}

/** How many bytes at least come before the frame at the beginning is whole. */
function missingBytes(bytes: Buffer): number {
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    length += (byte & 0x7f) * 128 ** at;
    if (byte <= 0x7f) return at + 1 + length - bytes.length;
  }
  return 1;
}

function decodeFrame(body: Uint8Array): ExportFrame["frame"] {
  try {
    const { frame } = fromBinary(ExportFrameSchema, body);
    if (frame.case !== undefined) return frame;
  } catch {
    // Told below.
  }
  throw damaged("a message in it can't be read");
}

export function damaged(why: string): CairnError {
  return invalidField("data", `the file is damaged: ${why}`);
}
