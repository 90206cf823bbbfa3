// For containers: ends with 0 if the server at the address says that it is serving. Usage: health.ts [host:port]
import { Client, credentials, status } from "@grpc/grpc-js";

const address = process.argv[2] ?? "127.0.0.1:50051";
const client = new Client(address, credentials.createInsecure());
const asIs = (bytes: Buffer) => bytes;

// The messages are so small that they are written by hand: an empty request, and field 1 = 1 (SERVING) for the answer.
const serving = Buffer.from([8, 1]);

client.makeUnaryRequest(
  "/grpc.health.v1.Health/Check",
  asIs,
  asIs,
  Buffer.alloc(0),
  { deadline: Date.now() + 2_500 },
  (error, answer) => {
    // A server that wants a token answers, so it is up.
    const healthy = error ? error.code === status.UNAUTHENTICATED : answer?.equals(serving);
    if (!healthy) console.error(`${address} is not serving: ${error?.message ?? "it says so"}`);
    process.exitCode = healthy ? 0 : 1;
    client.close();
  },
);
