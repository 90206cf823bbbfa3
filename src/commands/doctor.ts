import type { Command } from "commander";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { StoreFaultSchema } from "../gen/cairn/v1/admin_service_pb.ts";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";
import { aligned, printable, style } from "./style.ts";

const help = `
Looks at every record of every thread, and rebuilds every value to compare it with its checksum, while servers serve.
It may be stopped and run again. With tokens it takes one that opens all that it looks at. With --json a line for each fault, and
one at the end. Exit code 1 when faults are left.

  missing-value, damaged-value, unreadable-record, unreadable-graph
                    something is lost or of a newer version: it stays as it is
  orphaned-value, orphaned-parts
                    nothing needs them: --repair removes them
  broken-parent     a checkpoint's parent is not there: --repair marks it as removed
  wrong-keys        look-ups miss a record: --repair writes its keys anew

Examples:
  $ cairn doctor
  $ cairn doctor --repair --json
`;

interface DoctorFlags extends Flags {
  repair?: boolean;
  only?: string;
}

/** `cairn doctor` */
export function addDoctor(program: Command): Command {
  return addFlags(program.command("doctor").description("look for faults in the store, and repair what can be"))
    .option("--repair", "put right what can be put right without losing anything")
    .option("--only <space>", "look at one space, instead of all of them and all graphs")
    .addHelpText("after", help)
    .action(doctor);
}

type Told = ReturnType<CairnClient["admin"]["checkStore"]> extends AsyncIterable<infer Response> ? Response : never;
type Finding = Told["findings"][number];

function doctor({ repair = false, only = "", ...flags }: DoctorFlags): Promise<void> {
  return act(flags, async ({ client, output, progress, signal, wholeMs }) => {
    let last: Told | undefined;
    const what = (): string => (last ? `${last.threads} threads, ${last.values} values` : "looking at the store");
    progress.start(what);
    let found = 0;
    let repaired = 0;
    const options = { signal, deadlineMs: wholeMs };
    for await (const told of client.admin.checkStore({ repair, space: only }, options)) {
      last = told;
      for (const finding of told.findings) {
        found++;
        if (finding.repaired) repaired++;
        output.result(jsonOf(finding), () => lineOf(finding));
      }
      if (told.findings.length > 0) progress.start(what);
    }
    progress.clear();
    if (last === undefined) throw new Error("the server told nothing");
    const { threads, records, values } = last;
    output.result({ threads, records, values, found, repaired }, () =>
      aligned([
        ["looked at", `${threads} threads, ${records} records, ${values} values`],
        ["faults", found === 0 ? style("green", "none") : `${found}, of which ${repaired} repaired`],
      ]),
    );
    return found > repaired ? Exit.failed : Exit.ok;
  });
}

/** As in "missing-value". */
function nameOf({ fault }: Finding): string {
  return (StoreFaultSchema.value[fault]?.localName ?? `fault ${fault}`).toLowerCase().replaceAll("_", "-");
}

function lineOf(finding: Finding): string {
  const { space, threadId, graphName, position, ref, checkpointId, namespace, reason, repaired } = finding;
  const place = [
    `space ${space}`,
    graphName !== "" && `graph ${graphName} revision ${position}`,
    threadId !== "" && `thread ${threadId}`,
    threadId !== "" && position > 0n && `record ${position}`,
    ref !== "" && ref,
    checkpointId !== "" && `checkpoint ${checkpointId}`,
    namespace !== "" && `in ${namespace}`,
  ].filter((part) => part !== false);
  const verdict = repaired ? style("green", "repaired") : style("red", nameOf(finding));
  const name = repaired ? `${nameOf(finding)}, ` : "";
  return `${name}${verdict}: ${printable(place.join(", "))}: ${printable(reason)}`;
}

function jsonOf(finding: Finding): object {
  return {
    fault: nameOf(finding),
    space: finding.space,
    thread_id: finding.threadId,
    graph_name: finding.graphName,
    position: finding.position,
    ref: finding.ref,
    checkpoint_id: finding.checkpointId,
    namespace: finding.namespace,
    reason: finding.reason,
    repaired: finding.repaired,
  };
}
