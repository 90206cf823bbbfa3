// A server in this process, called over the network by raw grpc-js with the generated descriptors.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import {
  type BadRequest,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
} from "../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/start.ts";

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-api-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function temporaryFile(name: string, text: string): Promise<string> {
  const file = join(await temporaryFolder(), name);
  await writeFile(file, text);
  return file;
}

/** A server with an embedded store of its own, stopped when the test is over. */
export async function server(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const store = options.store ?? { folder: await temporaryFolder() };
  const started = await startServer({ listen: "127.0.0.1:0", logLevel: "silent", ...options, store });
  onTestFinished(() => started.stop());
  return started;
}

export interface CallOptions {
  metadata?: Record<string, string>;
  deadlineMs?: number;
}

export class Caller {
  readonly client: Client;
  readonly #metadata: Record<string, string>;

  constructor(
    address: string,
    { transport, metadata }: { transport?: ChannelCredentials; metadata?: Record<string, string> } = {},
  ) {
    const max = 64 * 1024 * 1024;
    this.client = new Client(address, transport ?? credentials.createInsecure(), {
      "grpc.max_receive_message_length": max,
      "grpc.max_send_message_length": max,
      "grpc.use_local_subchannel_pool": 1,
    });
    this.#metadata = metadata ?? {};
    onTestFinished(() => this.client.close());
  }

  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I> | MessageShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    const request = Buffer.from(toBinary(method.input, create(method.input, init as MessageInitShape<I>)));
    return this.raw(pathOf(method), request, options).then((bytes) => fromBinary(method.output, new Uint8Array(bytes)));
  }

  raw(path: string, request: Buffer, { metadata = {}, deadlineMs = 20_000 }: CallOptions = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs };
      const done = (error: ServiceError | null, bytes?: Buffer) => {
        if (error) reject(error);
        else resolve(bytes as Buffer);
      };
      this.client.makeUnaryRequest(path, same, same, request, this.metadata(metadata), options, done);
    });
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    init: MessageInitShape<I>,
    { metadata = {} }: CallOptions = {},
  ) {
    const request = Buffer.from(toBinary(method.input, create(method.input, init)));
    const decode = (bytes: Buffer) => fromBinary(method.output, new Uint8Array(bytes));
    return this.client.makeServerStreamRequest(pathOf(method), same, decode, request, this.metadata(metadata));
  }

  metadata(more: Record<string, string>): Metadata {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries({ ...this.#metadata, ...more })) metadata.set(key, value);
    return metadata;
  }
}

export function pathOf(method: { parent: { typeName: string }; name: string }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

const same = (bytes: Buffer) => bytes;

/** What a refused call told. */
export interface Refusal {
  code: string;
  message: string;
  reason: string;
  domain: string;
  metadata: Record<string, string>;
  fields: string[];
  trailerBytes: number;
}

/** The error of a call that must fail. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await call.then(
    () => new Error("the call was expected to fail"),
    (thrown: unknown) => thrown,
  );
  return toRefusal(error as ServiceError);
}

export function toRefusal(error: ServiceError): Refusal {
  if (error.metadata === undefined) throw error;
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const details = bytes === undefined ? [] : fromBinary(StatusSchema, bytes as Buffer).details;
  let info: ErrorInfo | undefined;
  let bad: BadRequest | undefined;
  for (const any of details) {
    info ??= anyUnpack(any, ErrorInfoSchema);
    bad ??= anyUnpack(any, BadRequestSchema);
  }
  return {
    code: status[error.code],
    message: error.details,
    reason: info?.reason ?? "",
    domain: info?.domain ?? "",
    metadata: info?.metadata ?? {},
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
    trailerBytes: Math.ceil(((bytes as Buffer | undefined)?.length ?? 0) / 3) * 4 + encodeURI(error.details).length,
  };
}
