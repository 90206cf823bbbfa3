import type { Command } from "commander";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";
import { aligned, moment, printable, style } from "./style.ts";

const help = `
Exit code 6 when the server can't be reached, or its store can't.

Examples:
  $ cairn status
  $ cairn status --server cairn.example.com:443 --token-file token --ca ca.pem
`;

/** `cairn status` */
export function addStatus(program: Command): Command {
  return addFlags(program.command("status").description("tell how a server and its store are"))
    .addHelpText("after", help)
    .action(status);
}

function status(flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const { serverId, startedAt, storeKind, storeReachable, storeError, activeRuns, limits, version } =
      await client.admin.getStatus({}, { signal });
    const started = startedAt && new Date(Number(startedAt.seconds) * 1000);
    const json = {
      version,
      server_id: serverId,
      started_at: started,
      store_kind: storeKind,
      store_reachable: storeReachable,
      store_error: storeError,
      active_runs: activeRuns,
      limits,
    };
    const store = storeReachable
      ? style("green", "reachable")
      : style("red", `not reachable: ${printable(storeError)}`);
    output.result(json, () =>
      aligned([
        ["cairn", version],
        ["server", `${serverId} since ${moment(started)}`],
        ["store", `${storeKind}, ${store}`],
        ["active runs", String(activeRuns)],
        ...Object.entries(limits).map(([name, value]) => [name, String(value)]),
      ]),
    );
    return storeReachable ? Exit.ok : Exit.unavailable;
  });
}
