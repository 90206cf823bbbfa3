// One request at two servers of one MongoDB, at moments that only chance brings about otherwise.
import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { encode } from "../../clients/typescript/src/index.ts";
import { ErrorReason } from "../../src/gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../../src/gen/cairn/v1/event_pb.ts";
import { InputSchema, OnBusy, RunOptionsSchema } from "../../src/gen/cairn/v1/run_service_pb.ts";
import type { RunCall } from "../../src/runs/begin.ts";
import { NodesModule } from "../../src/runs/modules/nodes-module.ts";
import type { Runner } from "../../src/runs/runner.ts";
import { makeRuns } from "../../src/server/runs.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { Bench, historyOf, nodesFile, until } from "./support/bench.ts";

let bench: Bench;
let graph: string;
let modules: NodesModule;
const stores: Store[] = [];

beforeAll(async () => {
  bench = await Bench.start("mongodb");
  modules = await NodesModule.load(nodesFile);
  graph = await bench.graph({
    channels: { item: "last_value", log: "append" },
    nodes: { wait: bench.node("gated") },
    edges: ["START -> wait"],
  });
});
afterAll(async () => {
  await modules?.close();
  for (const store of stores) await store.close();
  await bench?.end();
});

/** What drives threads in a server. `before` is called before it looks for what is known of a request. */
async function server({ aheadMs = 0, before = async () => {} } = {}): Promise<Runner> {
  const { clock } = systemEnvironment;
  const environment = { ...systemEnvironment, clock: { ...clock, nowMs: () => clock.nowMs() + aheadMs } };
  const store = await openStore(bench.store.location, environment);
  stores.push(store);
  const find: Store["findRequest"] = async (...of) => {
    await before();
    return await store.findRequest(...of);
  };
  const watched = new Proxy(store, {
    get(target, name) {
      const member: unknown = name === "findRequest" ? find : Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const parts = { store: watched, environment, serverId: randomUUID(), log: pino({ level: "silent" }) };
  return makeRuns({ ...parts, taskLeaseMs: 30_000 }, modules).runner;
}

const given = (value: unknown) => ({ source: { case: "inline" as const, value: encode(value) } });

/** A run whose node waits at a gate of that name. */
function callOf(thread: string, requestId: string, gate: string): RunCall {
  return {
    key: { space: bench.space, thread },
    intent: { kind: "input", input: create(InputSchema, { values: { log: given(["in"]), item: given(gate) } }) },
    options: create(RunOptionsSchema, { graphName: graph }),
    single: false,
    background: false,
    onBusy: OnBusy.REJECT,
    request: { id: requestId, bodyHash: new Uint8Array(32) },
  };
}

const never = new AbortController().signal;

it("a run that begins while a server looks for it is taken on where the thread ends by then", async () => {
  const [thread, gate] = [bench.newName(), "taken on"];
  const call = callOf(thread, "second", gate);
  const first = await server();
  bench.open("open");
  const before = await first.run(callOf(thread, "first", "open"), never);
  let lost: Promise<unknown> | undefined;
  // Its clock is so far ahead that it takes the run for lost; where the thread ended it had read before.
  const ahead = await server({
    aheadMs: 60_000,
    async before() {
      lost ??= first.run(call, never).then(
        () => "not lost",
        (error: unknown) => (error as { reason: ErrorReason }).reason,
      );
      await until("the run has begun", () => bench.traces(`wait begins ${gate}`).length > 0);
    },
  });
  const takenOn = ahead.run(call, never);
  await until("it has been taken on", () => bench.traces(`wait begins ${gate}`).length === 2);
  bench.open(gate);
  const outcome = await takenOn;
  const { checkpointId, values } = await bench.client.thread(thread).state();
  expect(outcome.status).toBe(RunStatus.DONE);
  expect(outcome.state?.checkpointId).toBe(checkpointId);
  expect(checkpointId).not.toBe(before.state?.checkpointId);
  expect(values.log).toEqual(["in", "open", "in", gate]);
  expect(await lost).toBe(ErrorReason.STALE_EPOCH);
});

it("a run that is given up while another server waits for it is taken on there", async () => {
  const [thread, gate] = [bench.newName(), "given up"];
  const call = callOf(thread, "only", gate);
  const [first, second] = [await server(), await server()];
  const begun = first.run(call, never).catch((error: unknown) => (error as { reason: ErrorReason }).reason);
  await until("the run has begun", () => bench.traces(`wait begins ${gate}`).length === 1);
  const waiting = second.run(call, never);
  await first.stop(0);
  expect(await begun).toBe(ErrorReason.SERVER_STOPPING);
  await until("it has been taken on", () => bench.traces(`wait begins ${gate}`).length === 2);
  bench.open(gate);
  expect((await waiting).status).toBe(RunStatus.DONE);
  expect((await bench.client.thread(thread).state()).values.log).toEqual(["in", gate]);
});

it("updates in bulk that two servers are asked for at once are made once", async () => {
  const other = await bench.another();
  const supersteps = ["a", "b", "c", "d"].map((letter) => [{ values: { log: [letter] }, asNode: "wait" }]);
  for (let round = 0; round < 10; round++) {
    const thread = bench.newName();
    const [one, two] = await Promise.all(
      [bench.client, other].map((client) =>
        client.thread(thread).bulkUpdateState(supersteps, { graph, requestId: "b" }),
      ),
    );
    expect(two).toEqual(one);
    expect(one?.values.log).toEqual(["a", "b", "c", "d"]);
    expect(await historyOf(bench.client.thread(thread))).toHaveLength(supersteps.length);
  }
});
