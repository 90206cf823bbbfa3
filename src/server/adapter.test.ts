import { create, createFileRegistry, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_wrappers,
  type StringValue,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import { Client, credentials, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { type Handlers, implementation, serviceDefinition } from "./adapter.ts";
import { openToAll } from "./auth.ts";
import type { CallContext } from "./context.ts";
import { Gate } from "./gate.ts";

/** A service with a method of each kind, made without generated code. */
function echoService(): DescService {
  const type = ".google.protobuf.StringValue";
  const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
    ...{ name, inputType: type, outputType: type, clientStreaming, serverStreaming },
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "echo.proto",
    package: "test",
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [
      {
        name: "Echo",
        method: [
          method("One", false, false),
          method("Down", false, true),
          method("Up", true, false),
          method("Both", true, true),
        ],
      },
    ],
  });
  const set = create(FileDescriptorSetSchema, { file: [file_google_protobuf_wrappers.proto, file] });
  return createFileRegistry(set).getService("test.Echo") as DescService;
}

const text = (value: string) => create(StringValueSchema, { value });
const ending: (() => void)[] = [];
afterEach(() => {
  for (const end of ending.splice(0)) end();
});

type EchoHandlers = Record<string, (request: never, context: CallContext) => unknown>;

async function echo(handlers: EchoHandlers): Promise<{ client: Client; gate: Gate }> {
  const server = new Server();
  const service = echoService();
  const gate = new Gate(openToAll);
  const options = { admit: gate.admit.bind(gate), log: pino({ level: "silent" }) };
  server.addService(serviceDefinition(service), implementation(service, handlers as Handlers<DescService>, options));
  const port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number) => (error ? reject(error) : resolve(bound));
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), done);
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  ending.push(() => {
    client.close();
    server.forceShutdown();
  });
  return { client, gate };
}

const encode = (message: Message) => Buffer.from(toBinary(StringValueSchema, message as StringValue));
const decode = (bytes: Buffer) => fromBinary(StringValueSchema, bytes).value;
const failure = (call: { on(event: "error", listener: (error: ServiceError) => void): unknown }) =>
  new Promise<ServiceError>((resolve) => call.on("error", resolve));

describe("the adapter", () => {
  it("carries all four kinds of calls", async () => {
    const all = async (requests: AsyncIterable<StringValue>) => {
      const values: string[] = [];
      for await (const { value } of requests) values.push(value);
      return values;
    };
    const { client } = await echo({
      one: async ({ value }: StringValue) => text(`one ${value}`),
      async *down({ value }: StringValue) {
        for (let i = 0; i < 3; i++) yield text(`${value}${i}`);
      },
      up: async (requests: AsyncIterable<StringValue>) => text((await all(requests)).join("+")),
      async *both(requests: AsyncIterable<StringValue>) {
        for await (const { value } of requests) {
          yield text(`${value}!`);
          if (value === "last") return;
        }
      },
    });
    const unary = await new Promise((resolve, reject) => {
      client.makeUnaryRequest("/test.Echo/One", encode, decode, text("a"), (e, answer) =>
        e ? reject(e) : resolve(answer),
      );
    });
    expect(unary).toBe("one a");
    const down = await client.makeServerStreamRequest("/test.Echo/Down", encode, decode, text("d")).toArray();
    expect(down).toEqual(["d0", "d1", "d2"]);
    const up = await new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest("/test.Echo/Up", encode, decode, (e, answer) =>
        e ? reject(e) : resolve(answer),
      );
      for (const each of ["x", "y"]) call.write(text(each));
      call.end();
    });
    expect(up).toBe("x+y");
    // The handler leaves its loop while the caller's side is still open: the status must come all the same.
    const both = client.makeBidiStreamRequest("/test.Echo/Both", encode, decode);
    for (const each of ["a", "last", "unread"]) both.write(text(each));
    expect(await both.toArray()).toEqual(["a!", "last!"]);
  });

  it("waits for a slow reader, and lets the handler go when it leaves", async () => {
    let made = 0;
    const left = Promise.withResolvers<void>();
    const { client } = await echo({
      async *down() {
        try {
          for (; made < 100_000; made++) yield text("x".repeat(10_000));
        } finally {
          left.resolve();
        }
      },
    });
    const call = client.makeServerStreamRequest("/test.Echo/Down", encode, decode, text(""));
    call.on("error", () => {});
    // Before the first read, grpc-js's client takes in everything: read one, and then no more.
    await new Promise((resolve) => call.once("data", resolve));
    call.pause();
    // Buffers fill, and then nothing is made any more.
    let before = -1;
    while (made !== before) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(10_000);
    call.cancel();
    await left.promise;
  });

  it("tells handlers of a cancelled call, a deadline and a stop", async () => {
    const reasons: unknown[] = [];
    const wait = ({ signal }: CallContext) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push((signal.reason as { reasonName: string }).reasonName);
          reject(signal.reason);
        });
      });
    const { client, gate } = await echo({
      one: (_: never, context) => wait(context),
      // biome-ignore lint/correctness/useYield: it waits for ever.
      async *down(_: never, context: CallContext) {
        await wait(context);
      },
    });
    const one = (deadline: number) =>
      new Promise<ServiceError>((resolve) => {
        const call = client.makeUnaryRequest(
          "/test.Echo/One",
          encode,
          decode,
          text(""),
          { deadline: Date.now() + deadline },
          (e) => resolve(e as ServiceError),
        );
        if (deadline > 1000) setTimeout(() => call.cancel(), 100);
      });
    expect((await one(200)).code).toBe(4);
    expect((await one(10_000)).code).toBe(1);
    const call = client.makeServerStreamRequest("/test.Echo/Down", encode, decode, text("")).resume();
    setTimeout(() => gate.close(), 100);
    expect((await failure(call)).code).toBe(14);
    expect(reasons).toEqual(["CALL_ENDED", "CALL_ENDED", "SERVER_STOPPING"]);
    expect((await one(1000)).code).toBe(14);
  });

  it("hides what went wrong inside, also in streams", async () => {
    const { client } = await echo({
      one: async () => Promise.reject(new Error("secret")),
      async *down() {
        yield text("a");
        throw new Error("secret");
      },
      up: async () => ({}),
    });
    const unary = await new Promise<ServiceError>((resolve) => {
      client.makeUnaryRequest("/test.Echo/One", encode, decode, text(""), (e) => resolve(e as ServiceError));
    });
    const stream = await failure(client.makeServerStreamRequest("/test.Echo/Down", encode, decode, text("")).resume());
    for (const error of [unary, stream]) {
      expect(error.code).toBe(13);
      expect(JSON.stringify([error.details, error.metadata])).not.toContain("secret");
    }
    const bidi = client.makeBidiStreamRequest("/test.Echo/Both", encode, decode);
    expect((await failure(bidi.resume())).code).toBe(12);
  });
});
