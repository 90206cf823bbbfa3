import { durationMs } from "@bufbuild/protobuf/wkt";
import type {
  AskNode,
  CachePolicy,
  ExpressionNode,
  NodeSpec,
  SubgraphNode,
  TimeoutPolicy,
  WorkerNode,
} from "../gen/cairn/v1/graph_pb.ts";
import { type Check, checkCel, checkChannelName, checkFunction, checkNodeName } from "./check.ts";
import { entry, item, member } from "./faults.ts";
import { nameFault } from "./names.ts";

export function checkNodes(check: Check): void {
  const nodes = Object.entries(check.spec.nodes);
  if (nodes.length === 0) check.faults.add("nodes", "a graph needs a node");
  for (const [name, node] of nodes) {
    const path = entry("nodes", name);
    const fault = nameFault(name);
    if (fault !== undefined) check.faults.add(path, fault);
    checkKind(check, path, name, node);
    for (const [i, end] of node.ends.entries()) {
      checkNodeName(check, item(member(path, "ends"), i), end, ["__end__"]);
    }
    checkPolicies(check, path, node);
  }
}

function checkKind(check: Check, path: string, name: string, { kind }: NodeSpec): void {
  if (kind.case === "module") checkFunction(check, member(path, "module.function"), kind.value.function || name);
  else if (kind.case === "expression") checkExpression(check, member(path, "expression"), kind.value);
  else if (kind.case === "ask") checkAsk(check, member(path, "ask"), kind.value);
  else if (kind.case === "worker") checkWorker(check, member(path, "worker"), kind.value);
  else if (kind.case === "subgraph") checkSubgraph(check, member(path, "subgraph"), kind.value);
  else check.faults.add(path, "a node needs a kind: worker, module, expression, ask or subgraph");
}

/** Which names workers serve is known only when they are connected. */
export function checkWorker({ faults }: Check, path: string, { handler, wait }: WorkerNode): void {
  if (Buffer.byteLength(handler) > 256) faults.add(member(path, "handler"), "must be at most 256 bytes");
  if (wait !== undefined && durationMs(wait) <= 0) faults.add(member(path, "wait"), "must be above 0");
}

/** A registered graph may come later than the one that calls it. */
function checkSubgraph(check: Check, path: string, { graph }: SubgraphNode): void {
  if (graph.case === "inline") check.checkInner(member(path, "inline"), graph.value);
  else if (!graph.value)
    check.faults.add(path, "a subgraph needs a graph: a registered one's name, or one given inline");
}

function checkExpression(check: Check, path: string, { update, overwrite, goto, toParent }: ExpressionNode): void {
  for (const [field, expressions] of Object.entries({ update, overwrite })) {
    for (const [channel, source] of Object.entries(expressions)) {
      const at = entry(member(path, field), channel);
      // The enclosing graph's channels are not known here.
      if (!toParent) checkChannelName(check, at, channel);
      checkCel(check, at, source);
    }
  }
  if (goto !== "") checkCel(check, member(path, "goto"), goto);
}

function checkAsk(check: Check, path: string, { question, into }: AskNode): void {
  checkCel(check, member(path, "question"), question);
  checkChannelName(check, member(path, "into"), into);
}

function checkTimeout(
  { faults }: Check,
  path: string,
  { run, idle }: TimeoutPolicy,
  kind: NodeSpec["kind"]["case"],
): void {
  if (kind !== "module" && kind !== "worker") faults.add(path, "only a node with code of its own takes a timeout");
  for (const [field, limit] of [["run", run] as const, ["idle", idle] as const]) {
    if (limit !== undefined && durationMs(limit) <= 0) faults.add(member(path, field), "must be above 0");
  }
}

function checkCache(check: Check, path: string, { key, ttl }: CachePolicy, kind: NodeSpec["kind"]["case"]): void {
  if (kind === "subgraph" || kind === "ask")
    check.faults.add(path, `the result of a node of kind ${kind} can't be reused`);
  if (key !== "") checkCel(check, member(path, "key"), key);
  if (ttl !== undefined && durationMs(ttl) <= 0) check.faults.add(member(path, "ttl"), "must be above 0");
}

function checkPolicies(check: Check, path: string, node: NodeSpec): void {
  if (node.cache !== undefined) checkCache(check, member(path, "cache"), node.cache, node.kind.case);
  if (node.timeout !== undefined) checkTimeout(check, member(path, "timeout"), node.timeout, node.kind.case);
  if (node.errorHandler !== "") checkNodeName(check, member(path, "error_handler"), node.errorHandler);
}
