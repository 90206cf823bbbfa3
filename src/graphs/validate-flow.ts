import type { Branch, Edge } from "../gen/cairn/v1/graph_pb.ts";
import { type Check, checkCel, checkFunction, checkNodeName } from "./check.ts";
import { entry, item, member } from "./faults.ts";
import { checkWorker } from "./validate-nodes.ts";

const START = "__start__";
const END = "__end__";

/**
 * Edges, branches and breakpoints. A node that nothing leads to is no fault: updates of the state can be made in its
 * name, and an edge given twice counts once.
 */
export function checkFlow(check: Check): void {
  const { spec, faults } = check;
  for (const [i, edge] of spec.edges.entries()) checkEdge(check, item("edges", i), edge);
  for (const [i, branch] of spec.branches.entries()) checkBranch(check, item("branches", i), branch);
  for (const [field, names] of [
    ["interrupt_before", spec.interruptBefore] as const,
    ["interrupt_after", spec.interruptAfter] as const,
  ]) {
    for (const [i, name] of names.entries()) checkNodeName(check, item(field, i), name, ["*"]);
  }
  const starts =
    spec.edges.some(({ from }) => from.includes(START)) || spec.branches.some(({ from }) => from === START);
  if (!starts) faults.add("edges", "no edge leads from __start__ (START)");
}

function checkEdge(check: Check, path: string, { from, to }: Edge): void {
  const { faults } = check;
  if (from.length === 0) faults.add(member(path, "from"), "an edge needs a node to start from");
  for (const [i, name] of from.entries()) {
    const at = item(member(path, "from"), i);
    if (name === START && from.length > 1) faults.add(at, "__start__ can't be waited for with others");
    checkNodeName(check, at, name, [START]);
    if (from.indexOf(name) < i) faults.add(at, `${JSON.stringify(name)} is there twice`);
  }
  if (to === "") faults.add(member(path, "to"), "an edge needs a node to lead to");
  else checkNodeName(check, member(path, "to"), to, [END]);
}

function checkBranch(check: Check, path: string, branch: Branch): void {
  const { faults } = check;
  if (branch.from === "") faults.add(member(path, "from"), "a branch needs a node to start from");
  else checkNodeName(check, member(path, "from"), branch.from, [START]);
  checkDecision(check, path, branch);
  for (const [result, target] of Object.entries(branch.routes)) {
    checkNodeName(check, entry(member(path, "routes"), result), target, [END]);
  }
  for (const [i, target] of branch.targets.entries()) {
    checkNodeName(check, item(member(path, "targets"), i), target, [END]);
  }
}

function checkDecision(check: Check, path: string, { decide }: Branch): void {
  if (decide.case === "cel") checkCel(check, member(path, "cel"), decide.value);
  else if (decide.case === "worker") {
    if (decide.value.handler === "") check.faults.add(member(path, "worker.handler"), "must be named");
    checkWorker(check, member(path, "worker"), decide.value);
  } else if (decide.case !== "module") check.faults.add(path, "a branch needs what decides: cel, module or worker");
  else if (decide.value.function === "") check.faults.add(member(path, "module.function"), "must be named");
  else checkFunction(check, member(path, "module.function"), decide.value.function);
}
