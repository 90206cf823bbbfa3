// The driver's errors as ours. Whoever calls the store sees CairnError only.
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from "mongodb";
import { CairnError, toCairnError } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";

export const DUPLICATE_KEY = 11000;

/** The server can't now, but may soon: elections, shutdowns, timeouts, conflicts. */
const transientCodes = new Set([
  6, 7, 24, 43, 46, 50, 63, 64, 74, 79, 89, 91, 100, 112, 133, 134, 175, 189, 202, 225, 237, 251, 262, 290, 9001, 10107,
  11600, 11602, 13388, 13435, 13436,
]);
const transientLabels = ["RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult"];
/** Thrown by the driver without being network errors; nothing has been sent. */
const transientNames = new Set([
  "MongoWaitQueueTimeoutError",
  "MongoPoolClosedError",
  "MongoPoolClearedError",
  "MongoNotConnectedError",
  "MongoOperationTimeoutError",
]);
/** The driver lets the errors of a socket that its server has ended through as Node made them. */
const socketCodes = new Set([
  "EPIPE",
  "ECONNRESET",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
]);
/** Closed by us: no use in trying again. */
const closedNames = new Set(["MongoTopologyClosedError", "MongoClientClosedError", "MongoExpiredSessionError"]);
/** Not signed in, or not allowed to. */
const deniedCodes = new Set([13, 18]);
/** OutOfDiskSpace, and what hosted MongoDB answers when its quota is used up. */
const fullCodes = new Set([14031, 8000]);

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Trying again may help. */
export function isTransient(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (!(error instanceof MongoError)) return isSocketError(error);
  if (transientNames.has(error.name)) return true;
  if (transientLabels.some((label) => error.hasErrorLabel(label))) return true;
  if (error.code !== undefined) return isTransientCode(error.code);
  // A bulk write wraps a network error and loses its class, but keeps that it has no code.
  return error instanceof MongoBulkWriteError && !closedNames.has(error.name);
}

export function isTransientCode(code: number | string): boolean {
  return transientCodes.has(Number(code));
}

function isClosed(error: unknown): boolean {
  return error instanceof MongoError && closedNames.has(error.name);
}

function isSocketError(error: unknown): boolean {
  return error instanceof Error && socketCodes.has((error as NodeJS.ErrnoException).code ?? "");
}

export function toStoreError(thrown: unknown): CairnError {
  if (isTransient(thrown) || isClosed(thrown))
    return unavailable(`MongoDB can't be reached: ${problemOf(thrown)}`, thrown);
  if (!(thrown instanceof MongoError)) return toCairnError(thrown);
  const problem = problemOf(thrown);
  const code = Number(thrown.code);
  if (deniedCodes.has(code)) return unavailable(`MongoDB refuses this user: ${problem}`, thrown);
  if (fullCodes.has(code)) {
    return new CairnError(ErrorReason.STORE_FULL, `MongoDB has no room: ${problem}`, { cause: thrown });
  }
  return toCairnError(thrown);
}

export function unavailable(message: string, cause?: unknown): CairnError {
  return new CairnError(ErrorReason.STORE_UNAVAILABLE, message, { cause });
}

function problemOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").trim();
}

/** Runs a read, or anything else that is done or not when it answers, and throws CairnError only. */
export async function translated<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw toStoreError(error);
  }
}
