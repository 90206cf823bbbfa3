import type { GraphSpec } from "../gen/cairn/v1/graph_pb.ts";
import type { GraphFault } from "../gen/cairn/v1/graph_service_pb.ts";
import { parseGraph } from "./parse.ts";
import { type ValidateOptions, validateGraph } from "./validate.ts";

/**
 * Reads and checks a graph's text. A place that could not be read is not also told to be wrong in what it says:
 * such faults would be noise.
 */
export function readGraph(text: string, options: ValidateOptions = {}): { spec: GraphSpec; faults: GraphFault[] } {
  const { spec, faults } = parseGraph(text);
  if (faults.some(({ path }) => path === "")) return { spec, faults };
  const paths = faults.map(({ path }) => path);
  const related = (a: string, b: string) => a.startsWith(b) || b.startsWith(a);
  const more = validateGraph(spec, options).filter(({ path }) => !paths.some((read) => related(path, read)));
  return { spec, faults: [...faults, ...more] };
}
