import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { deadlineMsOf, isSafeToRetry, takesRequestId } from "./method-policy.ts";
import { type RetryContext, withRetry } from "./retry.ts";
import { clientStream, type RawCall, serverStream, type Transport, unary } from "./transport.ts";

/** What a single call may be told. */
export interface CallOptions {
  /** Cancels the call. A run that has begun goes on without its caller. */
  signal?: AbortSignal;
  /** How long the call may take, all its attempts together, in milliseconds. Default 30 s; runs and streams 10 min. */
  deadlineMs?: number;
}

/** The calls of a service by method name: `calls.getThread({ threadId }, { signal })`. */
export type ServiceCalls<S extends DescService> = {
  readonly [M in keyof S["method"]]: MethodCall<S["method"][M]>;
};

type MethodCall<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends "unary"
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : K extends "server_streaming"
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : K extends "client_streaming"
        ? (requests: Requests<MessageInitShape<I>>, options?: CallOptions) => Promise<MessageShape<O>>
        : never
  : never;

type Requests<T> = Iterable<T> | AsyncIterable<T>;

/** Makes the calls of one service. Bidirectional methods are left out: they are for workers. */
export function serviceCalls<S extends DescService>(service: S, transport: Transport): ServiceCalls<S> {
  const calls: Record<string, unknown> = {};
  for (const method of service.methods) {
    if (method.methodKind === "unary") calls[method.localName] = unaryCall(method, transport);
    if (method.methodKind === "server_streaming") calls[method.localName] = streamCall(method, transport);
    if (method.methodKind === "client_streaming") calls[method.localName] = uploadCall(method, transport);
  }
  return calls as ServiceCalls<S>;
}

function unaryCall(method: DescMethod, transport: Transport) {
  const retryable = isSafeToRetry(method);
  return async (request: MessageInitShape<DescMessage>, options: CallOptions = {}) => {
    const call = begin(method, transport, options);
    const bytes = encodeRequest(method, withRequestId(method, request, transport));
    const attempt = () => unary(transport, call, bytes);
    return decodeResponse(method, await (retryable ? withRetry(retryContext(transport, call), attempt) : attempt()));
  };
}

function streamCall(method: DescMethod, transport: Transport) {
  return async function* (request: MessageInitShape<DescMessage>, options: CallOptions = {}) {
    const call = begin(method, transport, options);
    const bytes = encodeRequest(method, request);
    for await (const response of serverStream(transport, call, bytes)) yield decodeResponse(method, response);
  };
}

function uploadCall(method: DescMethod, transport: Transport) {
  return async (requests: Requests<MessageInitShape<DescMessage>>, options: CallOptions = {}) => {
    const call = begin(method, transport, options);
    const encoded = async function* () {
      for await (const request of requests) yield encodeRequest(method, request);
    };
    const attempt = () => clientStream(transport, call, encoded());
    const isSafe = isSafeToRetry(method) && isRepeatable(requests);
    return decodeResponse(method, await (isSafe ? withRetry(retryContext(transport, call), attempt) : attempt()));
  };
}

/** Whether it can be gone through again from its beginning: a list can, a generator can't. */
function isRepeatable(requests: Requests<unknown>): boolean {
  const again: unknown = Symbol.iterator in requests ? requests[Symbol.iterator]() : requests[Symbol.asyncIterator]();
  return again !== requests;
}

function retryContext({ environment, retry }: Transport, { deadlineAtMs, signal }: RawCall): RetryContext {
  return { environment, policy: retry, deadlineAtMs, signal };
}

function begin(method: DescMethod, transport: Transport, options: CallOptions): RawCall {
  const path = `/${method.parent.typeName}/${method.name}`;
  const deadlineMs = options.deadlineMs ?? deadlineMsOf(method, transport.deadlines);
  return { path, deadlineAtMs: transport.environment.nowMs() + deadlineMs, signal: options.signal };
}

/** Gives a mutation a request_id of its own, so that it can be retried; all attempts of a call share it. */
function withRequestId(method: DescMethod, request: MessageInitShape<DescMessage>, transport: Transport) {
  if (!takesRequestId(method)) return request;
  const given = (request as { requestId?: string }).requestId;
  return given ? request : { ...request, requestId: transport.environment.uuid() };
}

function encodeRequest(method: DescMethod, request: MessageInitShape<DescMessage>): Buffer {
  return Buffer.from(toBinary(method.input, create(method.input, request)));
}

function decodeResponse(method: DescMethod, bytes: Buffer): MessageShape<DescMessage> {
  // As plain bytes: of a Buffer, every bytes field would become a Buffer.
  return fromBinary(method.output, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
