import { expect, onTestFinished, test } from "vitest";
import { watchMemory } from "./memory.ts";
import { serveCairn } from "./served.ts";
import { registerGraphs } from "./steps.ts";

const HOUR_SECONDS = 3600;

test(
  "a server's memory stays flat over an hour's load",
  async () => {
    const server = await serveCairn();
    onTestFinished(() => server.stop());
    await registerGraphs(server.client);
    const seconds = Number(process.env.CAIRN_SOAK_SECONDS ?? HOUR_SECONDS);
    const memory = await watchMemory(server, seconds);
    console.log(JSON.stringify(memory));
    expect(memory.lives).toBeGreaterThan(seconds);
    const [, second, third] = memory.thirdsMb;
    expect(third).toBeLessThan(second * 1.2);
  },
  2 * HOUR_SECONDS * 1000,
);
