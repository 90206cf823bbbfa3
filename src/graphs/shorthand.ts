import { ChannelSpecSchema, EdgeSchema, ModuleNodeSchema } from "../gen/cairn/v1/graph_pb.ts";
import type { Tree } from "./text-tree.ts";

/** Fields that hold names of nodes, where START and END stand for the entry and the exit. */
const nodeNameFields = new Set([
  "cairn.v1.Edge.from",
  "cairn.v1.Edge.to",
  "cairn.v1.Branch.from",
  "cairn.v1.Branch.routes",
  "cairn.v1.Branch.targets",
  "cairn.v1.NodeSpec.ends",
  "cairn.v1.NodeSpec.error_handler",
  "cairn.v1.GraphSpec.interrupt_before",
  "cairn.v1.GraphSpec.interrupt_after",
  "cairn.v1.SchemaMigration.rename_nodes",
]);

export function expandName(field: { parent: { typeName: string }; name: string }, text: string): string {
  if (!nodeNameFields.has(`${field.parent.typeName}.${field.name}`)) return text;
  if (text === "START") return "__start__";
  return text === "END" ? "__end__" : text;
}

/** Messages that may be written shorter, as the map that they stand for; undefined when the form is not known. */
export function expandMessage(typeName: string, tree: Tree): Map<string, Tree> | undefined {
  if (tree instanceof Map) return tree;
  if (typeName === ChannelSpecSchema.typeName) return expandText(tree, "kind");
  if (typeName === ModuleNodeSchema.typeName) return expandText(tree, "function");
  if (typeName === EdgeSchema.typeName) return expandEdge(tree);
  return undefined;
}

/** What a message may look like, for the fault's text. */
export function formsOf(typeName: string): string {
  if (typeName === ChannelSpecSchema.typeName) return "must be a map, or just its kind (`n: add`)";
  if (typeName === ModuleNodeSchema.typeName) return "must be a map, or just the function's name (`module: search`)";
  if (typeName === EdgeSchema.typeName) return "must be a map, a pair (`[a, b]`) or an arrow (`a -> b`)";
  return "must be a map";
}

/** A text in place of the map is the value of the one field that matters most. */
function expandText(tree: Tree, field: string): Map<string, Tree> | undefined {
  return typeof tree === "string" ? new Map([[field, tree]]) : undefined;
}

function expandEdge(tree: Tree): Map<string, Tree> | undefined {
  if (Array.isArray(tree)) return tree.length === 2 ? edge(tree[0] as Tree, tree[1] as Tree) : undefined;
  if (typeof tree !== "string") return undefined;
  const [from, to, ...rest] = tree.split("->").map((part) => part.trim());
  if (from === undefined || to === undefined || rest.length > 0) return undefined;
  return edge(from, to);
}

function edge(from: Tree, to: Tree): Map<string, Tree> {
  return new Map([
    ["from", from],
    ["to", to],
  ]);
}
