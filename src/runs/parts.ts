import type { Logger } from "pino";
import type { Store } from "../store/store.ts";
import type { Environment } from "../system/environment.ts";
import type { Uuid6Minter } from "../system/uuid.ts";
import type { WorkerHub } from "../workers/worker-hub.ts";
import type { EphemeralEvents } from "./ephemeral-events.ts";
import type { Graphs } from "./graphs.ts";
import type { NodesModule } from "./modules/nodes-module.ts";
import type { NodeCache } from "./node-cache.ts";
import type { RecentEvents } from "./recent-events.ts";

/** What runs are made of; one set for each process. */
export interface RunParts {
  store: Store;
  environment: Environment;
  minter: Uuid6Minter;
  /** This process: a UUID made when it started. */
  serverId: string;
  graphs: Graphs;
  /** Absent when the server has no nodes module. */
  modules: NodesModule | undefined;
  workers: WorkerHub;
  ephemeral: EphemeralEvents;
  nodeCache: NodeCache;
  recent: RecentEvents;
  log: Logger;
}
