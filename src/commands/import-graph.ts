import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { GraphFault } from "../gen/cairn/v1/graph_service_pb.ts";
import { Exit } from "./exit.ts";
import { jsonText } from "./json-text.ts";
import { readFileOrStdin } from "./read-input.ts";
import { reportError } from "./report-error.ts";
import { printable, style } from "./style.ts";
import { UsageError } from "./usage-error.ts";

const help = `
Prints a graph file. Custom node types and conditions become functions of a nodes module of the same names, which the
server loads with --nodes. What is other than in NeoGraph's file is told on stderr; what can't be carried over is
refused, all of it at once, with exit code 1. Needs no server.

Examples:
  $ cairn graph import --from neograph agent.json > agent.yaml
  $ cairn graph import --from neograph agent.json --function llm_call=ask --output agent.yaml
`;

interface ImportFlags {
  from: "neograph";
  nodes: "module" | "worker";
  function?: Map<string, string>;
  output?: string;
  json?: boolean;
}

/** `cairn graph import` */
export function addImport(graph: Command): void {
  graph
    .command("import")
    .argument("<file>", "the other framework's graph file, - for stdin")
    .description("make a graph file of another framework's")
    .addOption(new Option("--from <framework>", "whose file it is").choices(["neograph"]).makeOptionMandatory())
    .addOption(
      new Option("--nodes <kind>", "what custom node types become").choices(["module", "worker"]).default("module"),
    )
    .option("--function <type=function>", "the function for a node type or condition, if not of its name", pair)
    .option("--output <file>", "write the graph file there, not to stdout")
    .option("--json", "the graph file, and errors, as JSON")
    .addHelpText("after", help)
    .action(importGraph);
}

/** Adds `type=function` to those given before. */
function pair(text: string, before: Map<string, string> = new Map()): Map<string, string> {
  const at = text.lastIndexOf("=");
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError("Expected TYPE=FUNCTION.");
  return before.set(text.slice(0, at), text.slice(at + 1));
}

async function importGraph(file: string, { nodes, function: functions, output, json }: ImportFlags): Promise<void> {
  try {
    const { importNeograph } = await import("../graphs/neograph/import.ts");
    const { graphJson, graphText } = await import("./graph-text.ts");
    const { spec, faults, notes } = importNeograph(await readFileOrStdin(file), { kind: nodes, functions });
    if (faults.length > 0) throw await refusal(file, faults);
    const text = json ? jsonText(graphJson(spec)) : graphText(graphJson(spec));
    if (output === undefined) process.stdout.write(`${text}\n`);
    else write(output, `${text}\n`);
    for (const { path, message } of notes) {
      if (!json) process.stderr.write(`${style("dim", printable(path || file))}  ${printable(message)}\n`);
    }
    process.exitCode = Exit.ok;
  } catch (error) {
    process.exitCode = reportError(error, json ?? false);
  }
}

async function refusal(file: string, faults: GraphFault[]): Promise<Error> {
  const { CairnError } = await import("../errors.ts");
  const { ErrorReason } = await import("../gen/cairn/v1/error_pb.ts");
  return new CairnError(ErrorReason.GRAPH_INVALID, `${file} can't be imported (faults: ${faults.length})`, {
    metadata: { file, faults: String(faults.length) },
    violations: faults.map(({ path, message }) => ({ field: path, description: message })),
  });
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`can't write ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
