// A gRPC server on the wire, to test the client against: whatever methods a test gives, over grpc-js.
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
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.ts";

export interface TestContext {
  metadata: Metadata;
  deadlineMs: number;
  /** Aborted when the caller has gone away. */
  signal: AbortSignal;
}

/** The methods of a service that a test answers; the others are unimplemented. */
export type Handlers<S extends DescService> = {
  [M in keyof S["method"]]?: S["method"][M] extends {
    methodKind: infer K;
    input: infer I extends DescMessage;
    output: infer O extends DescMessage;
  }
    ? (
        request: MessageShape<I>,
        context: TestContext,
      ) => K extends "unary" ? MessageInitShape<O> | Promise<MessageInitShape<O>> : AsyncIterable<MessageInitShape<O>>
    : never;
};

type AnyHandler = (request: unknown, context: TestContext) => unknown;

export class TestServer {
  #server = new Server();
  port = 0;

  add<S extends DescService>(service: S, handlers: Handlers<S>): this {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const implementation: Record<
      string,
      handleUnaryCall<unknown, unknown> | handleServerStreamingCall<unknown, unknown>
    > = {};
    for (const method of service.methods) {
      const handler = (handlers as Record<string, AnyHandler | undefined>)[method.localName];
      if (!handler) continue;
      definition[method.localName] = definitionOf(service, method);
      implementation[method.localName] = method.methodKind === "unary" ? unaryHandler(handler) : streamHandler(handler);
    }
    this.#server.addService(definition, implementation);
    return this;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(port = 0, credentials = ServerCredentials.createInsecure()): Promise<this> {
    this.port = await new Promise((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return this;
  }

  /** As a server that is killed: streams are reset, connections closed. */
  kill(): void {
    this.#server.forceShutdown();
  }
}

function definitionOf(service: DescService, method: DescMethod): MethodDefinition<unknown, unknown> {
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (response) =>
      Buffer.from(toBinary(method.output, create(method.output, response as MessageInitShape<DescMessage>))),
    responseDeserialize: () => undefined,
  };
}

function contextOf(call: ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>): TestContext {
  const controller = new AbortController();
  call.on("cancelled", () => controller.abort());
  return { metadata: call.metadata, deadlineMs: Number(call.getDeadline()), signal: controller.signal };
}

function unaryHandler(handler: AnyHandler): handleUnaryCall<unknown, unknown> {
  return (call, done) => {
    (async () => handler(call.request, contextOf(call)))().then((response) => done(null, response), done);
  };
}

function streamHandler(handler: AnyHandler): handleServerStreamingCall<unknown, unknown> {
  return async (call) => {
    try {
      for await (const response of handler(call.request, contextOf(call)) as AsyncIterable<unknown>)
        call.write(response);
      call.end();
    } catch (error) {
      call.emit("error", error);
    }
  };
}

/** An error as the Cairn server sends it. */
export function serverError(
  code: number,
  reason: string,
  message: string,
  more: {
    metadata?: Record<string, string>;
    violations?: { field: string; description: string }[];
    domain?: string;
  } = {},
) {
  const info = create(ErrorInfoSchema, { reason, domain: more.domain ?? "cairn.dev", metadata: more.metadata ?? {} });
  const details = [anyPack(ErrorInfoSchema, info)];
  if (more.violations) {
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: more.violations })));
  }
  const metadata = new Metadata();
  metadata.set(
    "grpc-status-details-bin",
    Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message, details }))),
  );
  return Object.assign(new Error(message), { code, details: message, metadata });
}
