// TypeScript's part of the relay. Usage: worker.ts ADDRESS SPACE GATES
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CairnClient } from "../../clients/typescript/src/index.ts";

const [address = "127.0.0.1:50051", space = "default", gates = "."] = process.argv.slice(2);

/** What only this process can say of itself. */
const mark = (node: string) => [
  { node, language: "typescript", runtime: `Node.js ${process.version}`, pid: process.pid },
];

/** Says that the node has begun, and waits while its gate is closed. */
async function passGate(node: string): Promise<void> {
  appendFileSync(join(gates, "begun"), `${node} ${process.pid}\n`);
  while (existsSync(join(gates, `${node}.closed`))) await sleep(20);
}

const client = CairnClient.connect({ address, space });
const worker = client.worker({
  id: `typescript-${process.pid}`,
  nodes: {
    async count({ words }) {
      await passGate("count");
      return { letters: words.join("").length, marks: mark("count") };
    },
    async publish({ text, score, hash, approved }) {
      await passGate("publish");
      return { published: approved ? `${text} (${score}, ${hash})` : null, marks: mark("publish") };
    },
  },
});
process.once("SIGTERM", () => worker.stop());
await worker.run();
client.close();
