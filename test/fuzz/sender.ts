// Sends bytes as requests, in every manner that a caller can have.
import { type DescMethod, fromBinary } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { pathOf } from "../api/harness.ts";
import { type Manner, type Outcome, ok, outcomeOf } from "./outcome.ts";
import type { Pools } from "./pools.ts";
import type { Tally } from "./tally.ts";
import type { Bytes } from "./wire.ts";

export interface Request {
  method: DescMethod;
  /** One for each message: more than one only where the method takes a stream. */
  messages: readonly Bytes[];
  manner: Manner;
  metadata?: Record<string, string>;
}

/** Longer than anything takes: a patient call without an answer by then is one that never ends. */
const patienceMs = 180_000;
const connections = 4;

const same = (bytes: Buffer) => bytes;

export class Sender {
  readonly #clients: Client[];
  readonly #tally: Tally;
  readonly #pools: Pools;
  readonly #flying = new Set<string>();
  #next = 0;

  constructor(address: string, tally: Tally, pools: Pools) {
    const options = { "grpc.max_send_message_length": -1, "grpc.max_receive_message_length": -1 };
    this.#clients = Array.from({ length: connections }, () => {
      return new Client(address, credentials.createInsecure(), { ...options, "grpc.use_local_subchannel_pool": 1 });
    });
    this.#tally = tally;
    this.#pools = pools;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** The methods that are being called. */
  get flying(): string[] {
    return [...this.#flying];
  }

  /** Gives the answer, or the last of a stream; undefined when the call did not succeed. */
  async send(request: Request): Promise<Buffer | undefined> {
    const { method, manner, messages } = request;
    const path = pathOf(method);
    const flight = `${path} #${this.#next}`;
    this.#flying.add(flight);
    const { outcome, answer } = await this.#exchange(path, request);
    this.#flying.delete(flight);
    this.#tally.count(path, manner, messages, outcome);
    if (outcome.code !== status.OK || answer === undefined) return undefined;
    if (this.#tally.sent % 3 === 0) this.#pools.learn(method.output, fromBinary(method.output, new Uint8Array(answer)));
    return answer;
  }

  #exchange(path: string, request: Request): Promise<{ outcome: Outcome; answer?: Buffer }> {
    const client = this.#clients[this.#next++ % connections] as Client;
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: Buffer) => {
        try {
          resolve({ outcome: error === null ? ok : outcomeOf(error), answer });
        } catch (thrown) {
          reject(thrown);
        }
      };
      const call = begin(client, path, request, done);
      if ("afterMs" in request.manner) setTimeout(() => call.cancel(), request.manner.afterMs);
    });
  }
}

type Done = (error: ServiceError | null, answer?: Buffer) => void;

function begin(client: Client, path: string, request: Request, done: Done): { cancel(): void } {
  const { method, messages, manner } = request;
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(request.metadata ?? {})) metadata.set(key, value);
  const waits = manner.kind === "hurried" ? manner.deadlineMs : patienceMs;
  const options: CallOptions = { deadline: Date.now() + waits };
  const only = Buffer.from(messages[0] ?? new Uint8Array());
  switch (method.methodKind) {
    case "unary":
      return client.makeUnaryRequest(path, same, same, only, metadata, options, done);
    case "server_streaming": {
      const call = client.makeServerStreamRequest(path, same, same, only, metadata, options);
      return reading(call, manner, done);
    }
    case "client_streaming": {
      const call = client.makeClientStreamRequest(path, same, same, metadata, options, done);
      writing(call, messages, manner);
      return call;
    }
    case "bidi_streaming": {
      const call = client.makeBidiStreamRequest(path, same, same, metadata, options);
      writing(call, messages, manner);
      return reading(call, manner, done);
    }
  }
}

function reading(call: ClientReadableStream<Buffer>, manner: Manner, done: Done): { cancel(): void } {
  let last: Buffer | undefined;
  let taken = 0;
  if (manner.kind !== "dropped" || manner.reads) {
    call.on("data", (message: Buffer) => {
      last = message;
      if (manner.kind === "dropped" && ++taken >= manner.messages) call.cancel();
    });
  }
  call.on("error", (error: ServiceError) => done(error));
  call.on("end", () => done(null, last));
  // A stream that was never read tells of its end only when what has come is taken.
  return {
    cancel: () => {
      call.cancel();
      call.resume();
    },
  };
}

/** Only a patient caller closes its half: the others leave it open until they go. */
function writing(call: ClientWritableStream<Buffer>, messages: readonly Bytes[], manner: Manner): void {
  call.on("error", () => {});
  for (const message of messages) call.write(Buffer.from(message));
  if (manner.kind === "patient") call.end();
}
