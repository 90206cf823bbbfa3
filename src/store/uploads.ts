import { crc32 } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status as GrpcStatus } from "@grpc/grpc-js";
import { CairnError } from "../errors.ts";
import {
  PartsSchema,
  type StoredValue,
  type UploadRecord,
  UploadRecordSchema,
} from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import { partsKey } from "./keys.ts";
import { splitIntoParts } from "./large-values.ts";
import { HEAD_PART, type Log, type ThreadKey } from "./log.ts";
import { decodeMessage } from "./record-codec.ts";
import { uploadRef, valueNotFound } from "./value-ref.ts";

/** What somebody says of the value that follows. */
export interface UploadHeader {
  type: string;
  sizeBytes: bigint;
  crc32: number;
}

/** Parts written by one call of the log. What an upload holds of memory is this and the chunk that just came. */
const PARTS_AT_ONCE = 4;

/** An upload that is named in the last moments before it may be removed could be gone when the record that names it comes. */
const SPARE_MS = 10 * 60 * 1000;

/**
 * Writes one value as its chunks come, and gives the reference by which a put can name it. Nothing can name it before
 * all of it is there; what has been written of one that breaks off is removed, or expires. Throws VALUE_CHECKSUM.
 */
export async function upload(
  log: Log,
  environment: Environment,
  key: ThreadKey,
  header: UploadHeader,
  chunks: AsyncIterable<Uint8Array>,
): Promise<string> {
  const id = uuid4(environment);
  try {
    const { count, sizeBytes, crc32: sum } = await writeParts(log, key, id, header, chunks);
    if (sizeBytes !== Number(header.sizeBytes)) {
      throw mismatch(`${sizeBytes} bytes came, the header says ${header.sizeBytes}`);
    }
    if (sum !== header.crc32) throw mismatch("the bytes have another checksum than the header says");
    const atMs = BigInt(Math.trunc(environment.clock.nowMs()));
    const head = toBinary(UploadRecordSchema, create(UploadRecordSchema, { ...header, count, atMs }));
    await log.putParts(key, { upload: id, parts: [head], from: HEAD_PART });
    return uploadRef(id);
  } catch (error) {
    // What can't be removed now expires.
    await log.removeParts(key, id).catch(() => {});
    throw error;
  }
}

/** Gathers the chunks into parts of one size and writes these, a few at a time. */
async function writeParts(
  log: Log,
  key: ThreadKey,
  id: string,
  header: UploadHeader,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ count: number; sizeBytes: number; crc32: number }> {
  const written = { count: 0, sizeBytes: 0, crc32: 0 };
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  /** Writes what has come, up to the last whole part or up to the end. */
  const write = async (isEnd: boolean): Promise<void> => {
    const data = Buffer.concat(waiting);
    const whole = isEnd ? data.length : data.length - (data.length % limits.valuePartBytes);
    const parts = splitIntoParts(data.subarray(0, whole));
    waiting = [data.subarray(whole)];
    waitingBytes = data.length - whole;
    if (parts.length > 0) await log.putParts(key, { upload: id, parts, from: written.count });
    written.count += parts.length;
  };
  for await (const chunk of chunks) {
    written.sizeBytes += chunk.length;
    if (written.sizeBytes > Number(header.sizeBytes)) {
      throw mismatch(`more bytes came than the ${header.sizeBytes} that the header says`);
    }
    written.crc32 = crc32(chunk, written.crc32);
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes >= PARTS_AT_ONCE * limits.valuePartBytes) await write(false);
  }
  await write(true);
  return written;
}

/** An upload that a put names, as a record is to refer to it. Throws VALUE_NOT_FOUND. */
export async function uploaded(
  log: Log,
  environment: Environment,
  key: ThreadKey,
  id: string,
): Promise<Pick<StoredValue, "type" | "crc32" | "sizeBytes" | "storage">> {
  const wanted = { positions: [], parts: [{ upload: id, count: 1, from: HEAD_PART }], keys: [partsKey(id)] };
  const { parts, keyed } = await log.gather(key, wanted);
  const head = parts.get(id);
  const record = head && decodeMessage(UploadRecordSchema, head, `upload ${id}`);
  // One that a record refers to already has a reference of its own; it must not be two records'.
  if (!record || keyed.length > 0 || isAged(record, environment)) throw valueNotFound(uploadRef(id));
  const { type, crc32: sum, sizeBytes, count } = record;
  const value = create(PartsSchema, { upload: id, count, sizeBytes });
  return { type, crc32: sum, sizeBytes, storage: { case: "parts", value } };
}

function isAged({ atMs }: UploadRecord, { clock }: Environment): boolean {
  return clock.nowMs() > Number(atMs) + limits.uploadKeptMs - SPARE_MS;
}

export function uploadTooLarge({ sizeBytes }: UploadHeader, limit: number): CairnError {
  return new CairnError(ErrorReason.VALUE_TOO_LARGE, `the value has ${sizeBytes} bytes, the limit is ${limit}`, {
    metadata: { size_bytes: `${sizeBytes}`, limit_bytes: `${limit}` },
    violations: [{ field: "header.size_bytes", description: `at most ${limit} bytes` }],
  });
}

function mismatch(why: string): CairnError {
  return new CairnError(ErrorReason.VALUE_CHECKSUM, `the upload is refused: ${why}`, {
    code: GrpcStatus.INVALID_ARGUMENT,
    violations: [{ field: "chunk", description: why }],
  });
}
