// A client in a process of its own: makes each call that it is sent, and sends back what came of it.
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { make } from "./calls.ts";
import { type Call, noted } from "./history.ts";

const [address = "", index = "0"] = process.argv.slice(2);
const client = CairnClient.connect({ address, deadlineMs: 60_000, runDeadlineMs: 60_000, retry: { attemptsMax: 1 } });
await client.ready(30_000);

process.on("message", async (call: Call) => {
  process.send?.(await noted(Number(index), call, () => make(client, call)));
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
