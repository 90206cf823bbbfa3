// Readers of one thread's events, in a process of their own: started with an address, a thread, a number to begin after
// and how many. Each line of input is the number of an event: once all of them have had it, the line that is written
// says how many events each of them has had since the beginning. Only the first reader decodes what it gets.
import { createInterface } from "node:readline";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import {
  StreamEventsRequestSchema,
  StreamEventsResponseSchema,
  StreamMode,
} from "../../src/gen/cairn/v1/run_service_pb.ts";
import { eventsMethod } from "./methods.ts";

const [address = "", threadId = "", after = "0", count = "1"] = process.argv.slice(2);
/** Streams of one connection. */
const STREAMS_EACH = 50;

const same = (bytes: Buffer): Buffer => bytes;
// Without those that may be lost.
const modes = [StreamMode.VALUES, StreamMode.UPDATES];
const request = toBinary(
  StreamEventsRequestSchema,
  create(StreamEventsRequestSchema, { threadId, after: BigInt(after), modes }),
);

let total = 0;
let first = 0;
let number = 0n;
let wanted = 0n;

function check(): void {
  if (wanted === 0n || number < wanted || total < first * Number(count)) return;
  wanted = 0n;
  process.stdout.write(`${first}\n`);
}

let client: Client | undefined;
for (let i = 0; i < Number(count); i++) {
  if (i % STREAMS_EACH === 0) {
    client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  }
  const stream = client?.makeServerStreamRequest(eventsMethod, same, same, Buffer.from(request));
  stream?.on("data", (bytes: Buffer) => {
    total++;
    if (i === 0) {
      first++;
      number = fromBinary(StreamEventsResponseSchema, bytes).event?.number ?? 0n;
    }
    check();
  });
  stream?.on("error", (error) => {
    throw error;
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  wanted = BigInt(line);
  check();
}
process.exit();
