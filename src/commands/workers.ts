import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import type { proto } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { moment, printable, table } from "./style.ts";

const help = `
A worker that is away keeps its tasks until their leases are over. Names that tasks wait for and no worker serves come last.

Examples:
  $ cairn workers
  $ cairn workers --json
`;

/** `cairn workers` */
export function addWorkers(program: Command): Command {
  const command = program.command("workers").description("list the workers that run nodes, and what waits for one");
  return addFlags(command).addHelpText("after", help).action(workers);
}

function workers(flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const { workers: all, unserved } = await client.services.workers.listWorkers({}, { signal });
    output.result({ workers: all.map(workerJson), unserved }, () => {
      const rows = all.map((worker) => [
        printable(worker.workerId),
        worker.connected ? "connected" : "away",
        `${worker.tasks}/${worker.slots}`,
        worker.connectedAt ? moment(timestampDate(worker.connectedAt)) : "",
        printable(worker.sdk),
        printable(worker.nodes.join(", ")),
      ]);
      const list =
        all.length === 0 ? "no workers" : table(["WORKER", "STATUS", "TASKS", "SINCE", "SDK", "SERVES"], rows);
      return unserved.length === 0 ? list : `${list}\nnobody serves: ${printable(unserved.join(", "))}`;
    });
    return undefined;
  });
}

function workerJson(worker: proto.WorkerInfo): Record<string, unknown> {
  return {
    worker_id: worker.workerId,
    session_id: worker.sessionId,
    nodes: worker.nodes,
    slots: worker.slots,
    tasks: worker.tasks,
    sdk: worker.sdk,
    pid: worker.pid,
    connected_at: worker.connectedAt && timestampDate(worker.connectedAt),
    connected: worker.connected,
  };
}
