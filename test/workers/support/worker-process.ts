// A worker in a process of its own, which leaves traces in a folder and looks for its gates there.
// Usage: node worker-process.ts ADDRESS SPACE FOLDER ID
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CairnClient } from "../../../clients/typescript/src/index.ts";

const [address = "", space = "", folder = "", id = ""] = process.argv.slice(2);
const trace = (line: string): void => appendFileSync(join(folder, "traces"), `${line} by ${id}\n`);

const worker = CairnClient.connect({ address, space }).worker({
  id,
  slots: 4,
  nodes: {
    /** Ends when its gate is open, and says who it was. */
    async gated(state, { attempt }) {
      trace(`begins ${attempt}`);
      while (!existsSync(join(folder, "gate.open"))) await sleep(20);
      trace(`ends ${attempt}`);
      return { log: [`${state.name} by ${id}`] };
    },
    /** Ends its process, unless it is the third attempt. */
    poison(_, { attempt }) {
      trace(`poisoned ${attempt}`);
      if (attempt < 3) process.kill(process.pid, "SIGKILL");
      return { log: [`survived ${attempt}`] };
    },
  },
});
process.once("SIGTERM", () => worker.stop());
worker.ready.then(
  () => process.stdout.write("ready\n"),
  () => {},
);
await worker.run();
process.exit(0);
