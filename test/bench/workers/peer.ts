// The TypeScript side of the measuring of workers: node peer.ts ADDRESS echo | worker SLOTS | idle WORKERS
import { type ClientDuplexStream, credentials, Client as GrpcClient } from "@grpc/grpc-js";
import { CairnClient } from "../../../clients/typescript/src/index.ts";

const [address = "", kind, number] = process.argv.slice(2);

if (kind === "echo") {
  const same = (bytes: Buffer): Buffer => bytes;
  const client = new GrpcClient(address, credentials.createInsecure());
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest("/bench.Echo/Talk", same, same);
  stream.on("data", (message: Buffer) => stream.write(message));
} else if (kind === "worker") {
  const worker = CairnClient.connect({ address }).worker({
    id: "peer",
    slots: Number(number),
    nodes: {
      same: ({ text }) => ({ text: text ?? null }),
      tell({ count }, { taskId, token }) {
        for (let told = 0; told < Number(count); told++) token(taskId, "word ");
      },
    },
  });
  await worker.run();
} else {
  // Each with a connection of its own, as separate processes would have.
  for (let index = 0; index < Number(number); index++) {
    const worker = CairnClient.connect({ address }).worker({ id: `idle-${index}`, nodes: { idle: () => ({}) } });
    void worker.run();
    await worker.ready;
  }
  console.log("ready");
}
