// A server whose machine fails, or is slow, at a durable act that it is told. Started by `faulty-server.ts`.
import { appendFileSync, readFileSync } from "node:fs";
import { startServer } from "../../src/server/start.ts";
import { type Environment, systemEnvironment } from "../../src/system/environment.ts";
import { type Fault, passName, type ServerProcessOptions } from "./fault.ts";

const { server, aheadMs, passesFile, fault } = JSON.parse(process.argv[2] ?? "") as ServerProcessOptions;

const { clock } = systemEnvironment;
const environment: Environment = {
  ...systemEnvironment,
  clock: { ...clock, nowMs: () => clock.nowMs() + aheadMs },
  onDurable(point, side) {
    const name = passName(point, side);
    appendFileSync(passesFile, `${name}\n`);
    if (fault === undefined || name !== fault.at || passesOf(name) !== fault.nth) return;
    return strike(fault);
  },
};

/** How often the server, in this life and those before, has come by. */
function passesOf(name: string): number {
  const lines = readFileSync(passesFile, "utf8").split("\n");
  return lines.filter((line) => line === name).length;
}

function strike({ act, delayMs = 0 }: Fault): void | Promise<void> {
  if (act === "die" && delayMs === 0) process.kill(process.pid, "SIGKILL");
  if (act === "die") {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), delayMs);
    return;
  }
  process.send?.("held");
  return new Promise((resolve) => process.once("message", () => resolve()));
}

const running = await startServer(server, environment);
process.once("SIGTERM", () => running.stop().then(() => process.exit(0)));
// The test that it served has ended without stopping it: with it alive, vitest would wait for its stderr for ever.
process.once("disconnect", () => process.exit(1));
process.send?.("listening");
