import { create } from "@bufbuild/protobuf";
import { type GraphSpec, GraphSpecSchema } from "../../gen/cairn/v1/graph_pb.ts";
import type { GraphFault } from "../../gen/cairn/v1/graph_service_pb.ts";
import { compareBytes } from "../../values/order.ts";
import { Faults } from "../faults.ts";
import { readTree } from "../text-tree.ts";
import { toJson } from "../tree-json.ts";
import { checkSizes } from "../validate.ts";
import { guarded, importChannels } from "./channels.ts";
import { checkDefinition } from "./check.ts";
import { type Definition, END, type Named, readDefinition, START } from "./definition.ts";
import { FlowMaker } from "./flow.ts";
import { layoutOf } from "./layout.ts";
import { importNodes } from "./nodes.ts";
import type { ImportOptions } from "./options.ts";
import { type Note, Reader } from "./reader.ts";

export interface Imported {
  /** What became of the file; of use only when there are no faults. */
  spec: GraphSpec;
  /** What stands in the way, each with its path in NeoGraph's file. */
  faults: GraphFault[];
  /** What is other than in NeoGraph's file. */
  notes: Note[];
}

/**
 * Makes a graph of NeoGraph's core-definition (schema_version 1) that runs the same nodes in the same supersteps.
 * What a graph of ours can't say is a fault; nothing is dropped without being told.
 */
export function importNeograph(text: string, options: ImportOptions): Imported {
  const faults = new Faults();
  const reader = new Reader(faults);
  const tree = readTree(text, faults);
  const spec = create(GraphSpecSchema);
  if (tree === undefined) return { spec, faults: faults.all(), notes: [] };
  const definition = readDefinition(reader, { path: "", tree });
  checkDefinition(reader, definition);
  // What follows relies on a definition that is sound, apart from what it says of channels and nodes.
  const isSound = faults.list.length === 0;
  const { channels, initial } = importChannels(reader, definition);
  const nodes = importNodes(reader, definition, options);
  checkOrder(reader, definition);
  if (!isSound) return { spec, faults: faults.all(), notes: reader.notes };
  const layout = layoutOf(definition);
  if (layout.why !== "") reader.note("", `nodes were added that carry the ways between nodes: ${layout.why}`);
  const maker = new FlowMaker(reader, definition, layout);
  const flow = maker.make(options, initial);
  // Before the flow is read: it may add a node.
  const interruptAfter = names(definition.interruptAfter).map((name) => maker.leaving(name));
  Object.assign(
    spec,
    create(GraphSpecSchema, {
      name: definition.name,
      description: describe(reader, definition),
      channels,
      nodes: { ...nodes, ...flow.nodes },
      edges: flow.edges,
      branches: flow.branches,
      interruptBefore: names(definition.interruptBefore),
      interruptAfter,
    }),
  );
  checkSizes(spec, faults);
  return { spec, faults: faults.all(), notes: reader.notes };
}

/**
 * Only of the nodes that start together does NeoGraph apply the writes in the order of their edges; of all others, as
 * we always do, in the order of their names.
 */
function checkOrder(reader: Reader, { edges, channels }: Definition): void {
  if (![...channels.values()].some(({ reducer }) => reducer.name === "append")) return;
  const firsts = edges.filter(({ from, to }) => from.name === START && to.name !== END);
  for (const [i, { path, to }] of firsts.entries()) {
    const before = firsts[i - 1]?.to.name;
    if (before === undefined || compareBytes(before, to.name) <= 0) continue;
    const why =
      "NeoGraph appends what the first nodes write in the order of these edges, which here is that of their names";
    reader.fault(path, `${why}: list ${to.name} before ${before}`);
  }
}

/** Metadata changes nothing in how a graph runs; readers find it in the description. */
function describe(reader: Reader, { metadata }: Definition): string {
  if (metadata.tree === undefined) return "";
  const value = guarded(reader, metadata, () => toJson(metadata.tree ?? null));
  reader.note(metadata.path, "is in the description");
  return `NeoGraph's metadata: ${JSON.stringify(value)}`;
}

function names(list: Named[]): string[] {
  return [...new Set(list.map(({ name }) => name))];
}
