import { once as onceEmitted } from "node:events";
import type { Readable } from "node:stream";
import {
  type DescMethod,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServerDuplexStream,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";
import type { Call, CallContext } from "./context.ts";
import { toStatus } from "./errors.ts";
import { validate } from "./validate.ts";

/** The handlers of a service: `(request, context) → promise or async iterable`. A missing one answers UNIMPLEMENTED. */
export type Handlers<S extends DescService> = { [Name in keyof S["method"]]?: Handler<S["method"][Name]> };

export type Handler<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageShape<O> | Encoded>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageShape<O> | Encoded>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, context: CallContext) => Promise<MessageShape<O>>
        : M extends DescMethod
          ? (
              requests: AsyncIterable<MessageShape<M["input"]>>,
              context: CallContext,
            ) => AsyncIterable<MessageShape<M["output"]>>
          : never;

/** A response that has been encoded before. */
export class Encoded {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** What all services share. */
export interface AdapterOptions {
  /** Admits the call, or throws; `end` is to be called when the call is over. */
  admit(call: Call, method: DescMethod): { context: CallContext; end(): void };
  log: Logger;
}

/** How grpc-js names a service's methods. Messages pass as bytes: we decode and encode them, so as to tell of faults. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  const methods = service.methods.map((method): [string, MethodDefinition<Buffer, Buffer>] => [
    method.localName,
    {
      path: pathOf(method),
      requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
      responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
      requestSerialize: (bytes) => bytes,
      requestDeserialize: (bytes) => bytes,
      responseSerialize: (bytes) => bytes,
      responseDeserialize: (bytes) => bytes,
    },
  ]);
  return Object.fromEntries(methods);
}

export function implementation<S extends DescService>(
  service: S,
  handlers: Handlers<S>,
  options: AdapterOptions,
): UntypedServiceImplementation {
  const named = handlers as Record<string, AnyHandler | undefined>;
  const adapted = service.methods.map((method) => {
    const handler = named[method.localName] ?? (() => notImplemented(method));
    return [method.localName, adapters[method.methodKind]({ method, handler, options })];
  });
  return Object.fromEntries(adapted);
}

type AnyHandler = (request: unknown, context: CallContext) => unknown;
type BytesCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

interface Adapted {
  method: DescMethod;
  handler: AnyHandler;
  options: AdapterOptions;
}

const adapters = { unary, server_streaming: serverStreaming, client_streaming: clientStreaming, bidi_streaming: bidi };

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

export function notImplemented(method: DescMethod): never {
  throw new CairnError(ErrorReason.NOT_IMPLEMENTED, `${method.name} is not built yet`, {
    metadata: { method: pathOf(method) },
  });
}

function unary({ method, handler, options }: Adapted): handleUnaryCall<Buffer, Buffer> {
  return async (call, callback) => {
    let end: (() => void) | undefined;
    try {
      const admitted = options.admit(call, method);
      end = admitted.end;
      const response = await handler(decode(method, call.request), admitted.context);
      callback(null, encode(method, response as Message | Encoded));
    } catch (error) {
      callback(toStatus(error, options.log, pathOf(method)));
    } finally {
      end?.();
    }
  };
}

function clientStreaming({ method, handler, options }: Adapted): handleClientStreamingCall<Buffer, Buffer> {
  return async (call, callback) => {
    let end: (() => void) | undefined;
    try {
      const admitted = options.admit(call, method);
      end = admitted.end;
      const response = await handler(decodeAll(method, call), admitted.context);
      callback(null, encode(method, response as Message));
    } catch (error) {
      callback(toStatus(error, options.log, pathOf(method)));
    } finally {
      end?.();
    }
  };
}

function serverStreaming({ method, handler, options }: Adapted): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => stream(call, method, options, (context) => handler(decode(method, call.request), context));
}

function bidi({ method, handler, options }: Adapted): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => stream(call, method, options, (context) => handler(decodeAll(method, call), context));
}

async function stream(
  call: BytesCall,
  method: DescMethod,
  options: AdapterOptions,
  begin: (context: CallContext) => unknown,
): Promise<void> {
  let end: (() => void) | undefined;
  try {
    const { context, ...admitted } = options.admit(call, method);
    end = admitted.end;
    for await (const message of begin(context) as AsyncIterable<Message | Encoded>) {
      context.signal.throwIfAborted();
      // A full buffer: wait until the reader has taken some of it, so that a slow reader slows only itself.
      if (!call.write(encode(method, message))) await onceEmitted(call, "drain", { signal: context.signal });
    }
    context.signal.throwIfAborted();
    call.end();
  } catch (error) {
    call.emit("error", toStatus(isAbort(error) ? abortReason(error) : error, options.log, pathOf(method)));
  } finally {
    end?.();
  }
}

function isAbort(error: unknown): error is Error {
  return error instanceof Error && error.name === "AbortError";
}

function abortReason(error: Error): unknown {
  return error.cause ?? callEnded();
}

function callEnded(cause?: unknown): CairnError {
  return new CairnError(ErrorReason.CALL_ENDED, "the call has ended", { cause });
}

/** `destroyOnReturn`: leaving the loop early must not destroy the stream, or no status is ever sent (grpc-node#1839). */
async function* decodeAll(method: DescMethod, call: Readable): AsyncIterable<Message> {
  try {
    for await (const bytes of call.iterator({ destroyOnReturn: false })) yield decode(method, bytes as Buffer);
  } catch (error) {
    // How a stream tells that its caller has gone.
    const isCutOff = error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
    throw isCutOff ? callEnded(error) : error;
  }
}

function decode(method: DescMethod, bytes: Uint8Array): Message {
  let request: Message;
  try {
    // Not as a Buffer, or every bytes field would be one, with a `slice` that does not copy.
    request = fromBinary(method.input, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw invalidField("", `the bytes are no ${method.input.typeName}: ${message}`);
  }
  validate(method.input, request);
  return request;
}

function encode(method: DescMethod, response: Message | Encoded): Buffer {
  const bytes = response instanceof Encoded ? response.bytes : toBinary(method.output, response);
  if (bytes.length > limits.messageBytesMax) {
    throw new CairnError(
      ErrorReason.LIMIT_REACHED,
      `the answer has ${bytes.length} bytes, over the limit of ${limits.messageBytesMax}: ask for less at a time`,
      { metadata: { limit: "messageBytesMax", size: String(bytes.length), max: String(limits.messageBytesMax) } },
    );
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
