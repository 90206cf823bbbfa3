import { EphemeralEvents } from "../runs/ephemeral-events.ts";
import { Graphs } from "../runs/graphs.ts";
import type { NodesModule } from "../runs/modules/nodes-module.ts";
import { NodeCache } from "../runs/node-cache.ts";
import type { RunParts } from "../runs/parts.ts";
import { RecentEvents } from "../runs/recent-events.ts";
import { Runner } from "../runs/runner.ts";
import { Uuid6Minter } from "../system/uuid.ts";
import { WorkerHub } from "../workers/worker-hub.ts";
import type { Parts } from "./service.ts";

/** What drives threads; one for all services. */
export interface Runs {
  runParts: RunParts;
  runner: Runner;
}

export function makeRuns(
  {
    store,
    environment,
    serverId,
    log,
    taskLeaseMs,
  }: Pick<Parts, "store" | "environment" | "serverId" | "log" | "taskLeaseMs">,
  modules: NodesModule | undefined,
): Runs {
  const runParts: RunParts = {
    store,
    environment,
    serverId,
    log,
    modules,
    workers: new WorkerHub({ store, environment, serverId, log, leaseMs: taskLeaseMs }),
    minter: new Uuid6Minter(environment),
    graphs: new Graphs(store),
    ephemeral: new EphemeralEvents(),
    nodeCache: new NodeCache(environment.clock),
    recent: new RecentEvents(store),
  };
  return { runParts, runner: new Runner(runParts) };
}
