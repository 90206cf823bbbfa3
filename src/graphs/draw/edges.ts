import type { Branch, GraphSpec } from "../../gen/cairn/v1/graph_pb.ts";
import { quoted } from "./label.ts";

/**
 * The lines between the nodes of one graph: static edges solid, waiting ones through a circle where they meet,
 * conditional ones and the ways of commands dotted, those of failures thick.
 */
export function edgeLines(spec: GraphSpec, prefix: string, ids: ReadonlyMap<string, string>): string[] {
  const idOf = (name: string) => ids.get(name) ?? `${prefix}unknown`;
  const names = Object.keys(spec.nodes);
  const waiting = spec.edges.filter(({ from }) => from.length > 1);
  return [
    ...spec.edges.flatMap((edge) => {
      const { from, to } = edge;
      const [only, ...others] = from.map(idOf);
      if (only === undefined) return [];
      if (others.length === 0) return [`${only} --> ${idOf(to)}`];
      const circle = `${prefix}all${waiting.indexOf(edge)}`;
      return [
        `${circle}(("all"))`,
        ...[only, ...others].map((id) => `${id} --> ${circle}`),
        `${circle} --> ${idOf(to)}`,
      ];
    }),
    ...spec.branches.flatMap((branch) =>
      waysOf(branch, names).map(([label, to]) => dotted(idOf(branch.from), idOf(to), label)),
    ),
    ...Object.entries(spec.nodes).flatMap(([name, { ends, errorHandler }]) => [
      ...ends.map((end) => dotted(idOf(name), idOf(end), "")),
      ...(errorHandler === "" ? [] : [`${idOf(name)} ==>|"on error"| ${idOf(errorHandler)}`]),
    ]),
  ];
}

function dotted(from: string, to: string, label: string): string {
  return `${from} -.->${label === "" ? "" : `|${quoted(label)}|`} ${to}`;
}

/** Each way of a conditional edge, with its label. */
function waysOf(branch: Branch, names: string[]): [label: string, target: string][] {
  const routes = Object.entries(branch.routes);
  const routed = new Set(routes.map(([, target]) => target));
  const others = branch.targets.filter((target) => !routed.has(target)).map((target): [string, string] => ["", target]);
  if (routes.length > 0 || others.length > 0) return [...routes, ...others];
  return [...names, "__end__"].map((name) => ["", name]);
}
