import type { Client, ClientWritableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import { Code } from "./code.ts";
import type { Environment } from "./environment.ts";
import { CairnClientError } from "./error.ts";
import type { Deadlines } from "./method-policy.ts";
import { abortedError, type RetryPolicy } from "./retry.ts";
import { toClientError } from "./to-client-error.ts";

/** What calls are made over. */
export interface Transport {
  readonly channel: Client;
  /** Space and token, sent with every call. */
  readonly metadata: Metadata;
  readonly deadlines: Deadlines;
  readonly retry: RetryPolicy;
  readonly environment: Environment;
}

/** One call on the wire. */
export interface RawCall {
  /** `/cairn.v1.RunService/Run`. */
  path: string;
  /** Milliseconds since 1970-01-01T00:00Z. */
  deadlineAtMs: number;
  signal?: AbortSignal;
}

// grpc-js takes codecs with every call; messages are encoded before and decoded after it.
const same = (bytes: Buffer): Buffer => bytes;

/** One attempt of a unary call. */
export function unary(transport: Transport, call: RawCall, request: Buffer): Promise<Buffer> {
  return settled(call, (done) =>
    transport.channel.makeUnaryRequest(call.path, same, same, request, transport.metadata, options(call), done),
  );
}

/** One attempt of a call that sends a stream and gets one response. */
export function clientStream(transport: Transport, call: RawCall, requests: AsyncIterable<Buffer>): Promise<Buffer> {
  return settled(call, (done, fail) => {
    const { channel, metadata } = transport;
    const stream = channel.makeClientStreamRequest(call.path, same, same, metadata, options(call), done);
    writeAll(stream, requests).catch((thrown) => {
      fail(toClientError(thrown));
      stream.cancel();
    });
    return stream;
  });
}

/** One attempt of a call that gets a stream. Leaving the loop cancels the call. */
export async function* serverStream(transport: Transport, call: RawCall, request: Buffer): AsyncGenerator<Buffer> {
  const { channel, metadata } = transport;
  call.signal?.throwIfAborted();
  const stream = channel.makeServerStreamRequest(call.path, same, same, request, metadata, options(call));
  const abort = () => stream.cancel();
  call.signal?.addEventListener("abort", abort);
  // The loop below reports errors; after its end a late one must not end the process.
  stream.on("error", () => {});
  try {
    for await (const message of stream) yield message as Buffer;
  } catch (thrown) {
    throw errorOf(call, thrown);
  } finally {
    call.signal?.removeEventListener("abort", abort);
    stream.cancel();
  }
}

type Done = (error: ServiceError | null, response?: Buffer) => void;
type Fail = (error: CairnClientError) => void;

function settled(call: RawCall, start: (done: Done, fail: Fail) => { cancel(): void }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (call.signal?.aborted) return reject(abortedError(call.signal));
    const abort = () => started.cancel();
    const started = start((error, response) => {
      call.signal?.removeEventListener("abort", abort);
      if (error) reject(errorOf(call, error));
      else if (response) resolve(response);
      else reject(new CairnClientError({ code: Code.Internal, message: `${call.path}: no response` }));
    }, reject);
    call.signal?.addEventListener("abort", abort);
  });
}

async function writeAll(stream: ClientWritableStream<Buffer>, requests: AsyncIterable<Buffer>): Promise<void> {
  for await (const request of requests) {
    if (stream.destroyed || stream.writableEnded) return;
    if (!stream.write(request)) await drained(stream);
  }
  stream.end();
}

/** A stream whose call has ended drains no more. */
function drained(stream: ClientWritableStream<Buffer>): Promise<void> {
  const signs = ["drain", "close", "status"];
  return new Promise((resolve) => {
    const done = () => {
      for (const sign of signs) stream.off(sign, done);
      resolve();
    };
    for (const sign of signs) stream.on(sign, done);
  });
}

function errorOf(call: RawCall, thrown: unknown): CairnClientError {
  return call.signal?.aborted ? abortedError(call.signal) : toClientError(thrown);
}

function options(call: RawCall): { deadline: number } {
  return { deadline: call.deadlineAtMs };
}
