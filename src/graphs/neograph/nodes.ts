import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { NodeSpecSchema } from "../../gen/cairn/v1/graph_pb.ts";
import { toJson } from "../tree-json.ts";
import { guarded } from "./channels.ts";
import type { Definition, Node } from "./definition.ts";
import type { ImportOptions } from "./options.ts";
import type { Reader } from "./reader.ts";
import { Retries } from "./retry.ts";

export type NodeInit = MessageInitShape<typeof NodeSpecSchema>;

/** Node types that come with NeoGraph: their code is not in the file, and not here. */
const ownTypes = new Set([
  "llm_call",
  "tool_dispatch",
  "intent_classifier",
  "decide",
  "embed",
  "image_edit",
  "image_generate",
  "job_collect",
  "job_submit",
  "moderate",
  "rerank",
  "speak",
  "transcribe",
  "translate",
]);

export function importNodes(reader: Reader, definition: Definition, options: ImportOptions): Record<string, NodeInit> {
  const nodes: Record<string, NodeInit> = Object.create(null);
  const retries = new Retries(reader, definition);
  for (const [name, node] of definition.nodes) {
    nodes[name] = { kind: importKind(reader, node, options), retry: retries.of(definition, name) };
  }
  return nodes;
}

function importKind(reader: Reader, { type, config }: Node, { kind, functions }: ImportOptions): NodeInit["kind"] {
  const called = functions?.get(type.name);
  if (type.name === "subgraph") {
    reader.fault(type.path, "subgraphs can't be carried over: they hand channels over by maps of their own");
  } else if (called === undefined && ownTypes.has(type.name)) {
    const how = `name the function that takes its place (--function ${type.name}=NAME)`;
    reader.fault(type.path, `${type.name} is code of NeoGraph's own: ${how}`);
  }
  const params: JsonObject = Object.create(null);
  for (const [key, place] of config) {
    const value = guarded(reader, place, () => toJson(place.tree ?? null));
    if (value !== undefined) params[key] = value;
  }
  const given = config.size === 0 ? {} : { params };
  const name = called ?? type.name;
  if (kind === "worker") return { case: "worker", value: { handler: name, ...given } };
  return { case: "module", value: { function: name, ...given } };
}
