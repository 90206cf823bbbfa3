// GetCheckpoint of 2 KB among 10,000 threads on the embedded store, against a bare echo.

import type { Goal } from "./goals.ts";
import { drive, WARM_UP_SECONDS } from "./load.ts";
import { echoMethod, getMethod } from "./methods.ts";
import { putThreads, readRequests } from "./reads.ts";
import { type Contestant, print, ratio, takeTurns } from "./rounds.ts";
import { residentMb, serveCairn, serveEcho } from "./served.ts";

const THREADS = 10_000;

/** So that every thread has been asked for once, at the pace of a slow machine. */
const FILL_SECONDS = 20;

export async function measureReads({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Goal[]> {
  const echo = await serveEcho();
  const cairn = await serveCairn();
  const withoutCache = await serveCairn(undefined, ["--cache", "0"]);
  const requests = readRequests(THREADS);
  const atRest = residentMb(cairn.serverPid);
  for (const { client } of [cairn, withoutCache]) await putThreads(client, THREADS);
  const withThreads = residentMb(cairn.serverPid);
  const contestant = (name: string, server: { address: string; serverPid: number }, method: string): Contestant => ({
    name,
    measure: (callers, seconds) => drive({ ...server, method, requests, callers, seconds }),
  });
  const bare = contestant("bare grpc-js, 2 KB", echo, echoMethod);
  const cached = contestant("GetCheckpoint, embedded, cache on", cairn, getMethod);
  const uncached = contestant("GetCheckpoint, embedded, cache off", withoutCache, getMethod);
  for (const each of [cached, uncached]) await each.measure(64, FILL_SECONDS - WARM_UP_SECONDS);

  const many = await takeTurns([bare, cached, uncached], { callers: 64, rounds, seconds });
  const alone = await takeTurns([bare, cached, uncached], { callers: 1, rounds, seconds });
  print(`Reading, 2 KB of state, ${THREADS} threads`, 64, many);
  print(`Reading, 2 KB of state, ${THREADS} threads`, 1, alone);
  const sizes = [`${atRest.toFixed(0)} at rest`, `${withThreads.toFixed(0)} once ${THREADS} threads were put`];
  console.log(
    `\nMemory of the server, MB: ${sizes.join(", ")}, ${residentMb(cairn.serverPid).toFixed(0)} after the load`,
  );

  for (const server of [cairn, withoutCache]) await server.stop();
  echo.stop();
  requests.remove();
  const goal = { what: "GetCheckpoint's calls a second to the echo's, 64 callers, cache", least: 0.6 };
  const latency = { what: "GetCheckpoint's median latency to the echo's, 1 caller, cache", most: 1.5 };
  return [
    { ...goal, what: `${goal.what} on`, ratio: ratio(many, cached, bare, "perSecond") },
    { ...goal, what: `${goal.what} off`, ratio: ratio(many, uncached, bare, "perSecond") },
    { ...latency, what: `${latency.what} on`, ratio: ratio(alone, cached, bare, "p50") },
    { ...latency, what: `${latency.what} off`, ratio: ratio(alone, uncached, bare, "p50") },
  ];
}
