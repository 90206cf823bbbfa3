import type { Command } from "commander";
import type { GraphInfo } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { addDraw } from "./draw-graph.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";
import { addImport } from "./import-graph.ts";
import { addMigrate } from "./migrate-graph.ts";
import { readFileOrStdin } from "./read-input.ts";
import { aligned, moment, printable, style, table } from "./style.ts";

const help = `
A graph file is YAML or JSON: channels that hold the state, nodes that change it, edges that say what runs next.

Examples:
  $ cairn graph validate examples/triage/graph.yaml   every fault at once, each with its path; exit code 1 if any
  $ cairn graph register graphs/*.yaml
  $ cairn graph draw triage > triage.mmd         Mermaid; a file need not be registered
  $ cairn graph draw --thread t1                 what is due, failed or waits for an answer is marked
  $ cairn graph show triage --json
  $ cairn graph migrate triage --dry-run
  $ cairn graph import --from neograph agent.json > agent.yaml
`;

/** `cairn graph` */
export function addGraph(program: Command): Command {
  const graph = program.command("graph").description("register graphs and look at them").addHelpText("after", help);
  addFlags(graph.command("register").argument("<file...>", "graph files, - for stdin"))
    .description("register graphs under the names that they give themselves")
    .action(register);
  addFlags(graph.command("validate").argument("<file>", "a graph file, - for stdin"))
    .description("tell every fault of a graph")
    .action(validate);
  addDraw(graph);
  addFlags(graph.command("list")).description("list the latest graph of each name").action(list);
  addFlags(graph.command("show").argument("<name>", "the graph's name"))
    .description("show a graph as a graph file")
    .option("--hash <hash>", "this version; without, the latest")
    .action(show);
  addImport(graph);
  addMigrate(graph);
  return graph;
}

function register(files: string[], flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    // All files are read before the first is registered: a missing one leaves nothing half done.
    const texts: [file: string, text: string][] = [];
    for (const file of files) texts.push([file, await readFileOrStdin(file)]);
    for (const [file, text] of texts) {
      const graph = await client.graphs.register(text, { signal }).catch((error) => {
        if (error instanceof Error && files.length > 1) error.message = `${file}: ${error.message}`;
        throw error;
      });
      const { name, hash, revision, created } = graph;
      output.result({ file, ...infoJson(graph), created }, () => {
        const what = created ? "registered" : style("dim", "unchanged");
        return `${what} ${printable(name)} ${style("dim", `revision ${revision}, ${hash.slice(0, 12)}`)}`;
      });
    }
    return undefined;
  });
}

function validate(file: string, flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const faults = await client.graphs.validate(await readFileOrStdin(file), { signal });
    output.result({ file, faults: faults.map(({ path, message }) => ({ path, message })) }, () =>
      faults.length === 0
        ? `${file} is a valid graph`
        : aligned(faults.map(({ path, message }) => [style("red", printable(path || file)), printable(message)])),
    );
    return faults.length === 0 ? Exit.ok : Exit.failed;
  });
}

function list(flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const rows: string[][] = [];
    for await (const graph of client.graphs.list({ pageSize: 500, signal })) {
      if (output.json) output.result(infoJson(graph), () => "");
      const { name, revision, hash, registeredAt, description } = graph;
      rows.push([printable(name), String(revision), hash.slice(0, 12), moment(registeredAt), printable(description)]);
    }
    if (output.json) return undefined;
    if (rows.length === 0) output.note("no graphs");
    else output.line(table(["GRAPH", "REVISION", "HASH", "REGISTERED", "DESCRIPTION"], rows));
    return undefined;
  });
}

function show(name: string, flags: Flags & { hash?: string }): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const graph = await client.graphs.get(name, { hash: flags.hash, signal });
    const { graphJson, graphText } = await import("./graph-text.ts");
    const spec = graph.spec && graphJson(graph.spec);
    output.result({ ...infoJson(graph), spec }, () => {
      const head = `# ${graph.name} revision ${graph.revision}, ${graph.hash}, ${moment(graph.registeredAt)}`;
      return `${style("dim", head)}\n${graphText(spec)}`;
    });
    return undefined;
  });
}

function infoJson({ name, hash, revision, registeredAt, description }: GraphInfo): Record<string, unknown> {
  return { name, hash, revision, registered_at: registeredAt, description };
}
