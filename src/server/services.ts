import type { NodesModule } from "../runs/modules/nodes-module.ts";
import { adminService } from "./admin-service.ts";
import { checkpointService } from "./checkpoint-service.ts";
import { graphService } from "./graph-service.ts";
import { neographService } from "./neograph-service.ts";
import { runService } from "./run-service.ts";
import { makeRuns } from "./runs.ts";
import type { Parts, Service } from "./service.ts";
import { threadService } from "./thread-service.ts";
import { workerService } from "./worker-service.ts";

/**
 * Every service of the server. Each has a file of its own; this is the one place that lists them.
 */
export function services(parts: Parts, modules: NodesModule | undefined): Service[] {
  const driving = makeRuns(parts, modules);
  const runs = runService(parts, driving, modules);
  return [
    checkpointService(parts),
    threadService(parts),
    graphService(parts, driving),
    runs,
    workerService(driving.runParts),
    neographService(parts),
    adminService(parts, () => runs.activeRuns()),
  ];
}
