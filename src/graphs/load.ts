import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Store } from "../store/store.ts";
import type { Environment } from "../system/environment.ts";
import { faultLine } from "./faults.ts";
import { readGraph } from "./read.ts";
import { registerGraph } from "./register.ts";

export interface LoadParts {
  store: Store;
  environment: Environment;
  moduleFunctions?: ReadonlySet<string>;
}

/**
 * Registers every *.yaml, *.yml and *.json of a folder in the space "default", in order of their names. All are
 * read before the first is registered; when one is at fault, none is, and the error's one line names the files
 * and their faults. Returns the names of the graphs.
 */
export async function loadGraphs(folder: string, parts: LoadParts): Promise<string[]> {
  const files = (await entries(folder)).filter((name) => /\.(yaml|yml|json)$/.test(name)).sort();
  const problems: string[] = [];
  const byName = new Map<string, string>();
  const specs = [];
  for (const file of files) {
    const { spec, faults } = readGraph(await text(join(folder, file)), parts);
    const other = byName.get(spec.name);
    if (faults.length > 0) problems.push(`${file}: ${faults.map(faultLine).join("; ")}`);
    else if (other !== undefined) problems.push(`${file}: name: ${other} holds a graph of this name already`);
    byName.set(spec.name, file);
    specs.push(spec);
  }
  if (problems.length > 0) {
    const message = `the graphs in ${folder} can't be loaded: ${problems.join(" | ")}`;
    throw new CairnError(ErrorReason.GRAPH_INVALID, message, { metadata: { folder } });
  }
  for (const spec of specs) await registerGraph(parts.store, parts.environment.clock, "default", spec);
  return specs.map(({ name }) => name);
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => fail(folder, cause));
}

async function text(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => fail(file, cause));
  return new TextDecoder().decode(bytes);
}

function fail(path: string, cause: unknown): never {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const why = code === "ENOENT" ? "it is not there" : code;
  throw new CairnError(ErrorReason.INVALID_FIELD, `can't read ${path}: ${why}`, { metadata: { path }, cause });
}
