// A bare grpc-js server that decodes nothing and stores nothing: the most that grpc-js can do on this machine. Every
// call is answered by the same 2 KB. Prints its address; ends when its input does.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { echoMethod } from "./methods.ts";

const answer = Buffer.alloc(2048, "echo");
const same = (bytes: Buffer): Buffer => bytes;

const server = new Server();
server.addService(
  {
    echo: {
      path: echoMethod,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  { echo: (_call: unknown, callback: (error: null, answer: Buffer) => void) => callback(null, answer) },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`127.0.0.1:${port}`);
});
process.stdin.resume().on("end", () => process.exit());
