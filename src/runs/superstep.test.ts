// A superstep whose saves fail.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { applyWrites } from "../engine/apply.ts";
import { nullCell } from "../engine/cell.ts";
import { emptyState } from "../engine/checkpoint.ts";
import { compileGraph } from "../engine/graph.ts";
import { branchTo, START } from "../engine/names.ts";
import { prepareTasks } from "../engine/tasks.ts";
import { write } from "../engine/write.ts";
import { ChannelKind, GraphSpecSchema } from "../gen/cairn/v1/graph_pb.ts";
import { systemEnvironment } from "../system/environment.ts";
import { EventMaker } from "./event-bodies.ts";
import { NodesModule } from "./modules/nodes-module.ts";
import { NodeCache } from "./node-cache.ts";
import { Superstep } from "./superstep.ts";

let modules: NodesModule;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cairn-superstep-"));
  modules = await NodesModule.load(fileURLToPath(new URL("../../test/runs/support/nodes.ts", import.meta.url)));
});
afterAll(async () => {
  await modules.close();
  rmSync(folder, { recursive: true });
});

/** Two tasks: `a` runs through, `b` waits until its gate is open. `save` is the caller's. */
function superstep(save: (step: Superstep) => Promise<void>): Superstep {
  const node = (name: string) => ({ kind: { case: "module" as const, value: { function: name, params: { folder } } } });
  const spec = create(GraphSpecSchema, {
    name: "g",
    channels: { log: { kind: ChannelKind.APPEND } },
    nodes: { a: node("note"), b: node("gated") },
  });
  const state = emptyState(compileGraph(spec, "hash"), "");
  const entered = ["a", "b"].map((name) => write(branchTo(name), nullCell()));
  applyWrites(state, [{ node: START, path: "", triggers: [START], writes: entered }]);
  const step: Superstep = new Superstep(prepareTasks(state), {
    loaded: {
      stored: undefined,
      state,
      statuses: new Map(),
      children: new Map(),
      heads: new Map(),
      migrated: undefined,
    },
    events: new EventMaker("run", ""),
    replay: undefined,
    context: {
      state,
      threadId: "t",
      runId: "run",
      modules,
      workers: { run: () => expect.fail("no node is a worker's") },
      leases: undefined,
      space: "default",
      environment: systemEnvironment,
      cache: new NodeCache(systemEnvironment.clock),
      signal: new AbortController().signal,
      onStart: () => {},
      onWaits: () => {},
      callSubgraph: () => expect.fail("no node is a subgraph"),
    },
    now: () => "2026-01-01T00:00:00.000Z",
    save: () => save(step),
  });
  return step;
}

const openGate = () => writeFileSync(join(folder, "b.open"), "");

it("ends with the failure of a save while a task is still at work", async () => {
  const step = superstep(async () => {
    throw new Error("no room");
  });
  await expect(step.run()).rejects.toThrow("no room");
  expect(step.finished).toHaveLength(1);
});

it("ends with the failure of a save that fails only after the last task has finished", async () => {
  const step = superstep(async ({ finished }) => {
    openGate();
    expect(finished).toHaveLength(1);
    while (step.finished.length < 2) await turn();
    // The superstep itself has seen that all have ended.
    await turn();
    throw new Error("no room");
  });
  await expect(step.run()).rejects.toThrow("no room");
});
