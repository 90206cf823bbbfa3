import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type Input, InputSchema } from "../gen/cairn/v1/run_service_pb.ts";
import { TypedValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { applyWrites } from "./apply.ts";
import { Cell } from "./cell.ts";
import type { CompiledGraph } from "./graph.ts";
import { START } from "./names.ts";
import { checkSize } from "./size.ts";
import type { GraphState } from "./state.ts";
import { prepareTasks } from "./tasks.ts";
import { type Write, write } from "./write.ts";

/** The type under which the entry's channel holds a turn's input: an encoded cairn.v1.Input, values inline. */
const INPUT_TYPE = "cairn.input";

/** Throws VALUE_TOO_LARGE: until the entry has run, an input is one value. */
export function inputCell(input: Input): Cell {
  const data = toBinary(InputSchema, input);
  checkSize("input", START, data.length);
  return new Cell(create(TypedValueSchema, { type: INPUT_TYPE, data }));
}

/** An input's values as writes to the graph's channels. Throws CHANNEL_NOT_FOUND, VALUE_TOO_LARGE, naming the channel. */
export function inputWrites(graph: CompiledGraph, input: Input, field: string): Write[] {
  return Object.entries(input.values).map(([channel, value]) => {
    const path = `${field}.values[${JSON.stringify(channel)}]`;
    stateChannel(graph, channel, path);
    if (value.source.case !== "inline") {
      throw new CairnError(ErrorReason.INVALID_FIELD, `${path}: an input's value is given inline`, {
        metadata: { field: path },
        violations: [{ field: path, description: "must be inline" }],
      });
    }
    checkSize(path, channel, value.source.value.data.length);
    const cell = new Cell(value.source.value);
    assertDecodable(cell, path);
    return write(channel, cell);
  });
}

/** A channel of the state, which `field` has named. Throws CHANNEL_NOT_FOUND. */
export function stateChannel(graph: CompiledGraph, channel: string, field: string): string {
  if (graph.stateChannels.has(channel)) return channel;
  throw new CairnError(
    ErrorReason.CHANNEL_NOT_FOUND,
    `graph ${JSON.stringify(graph.name)} has no channel ${JSON.stringify(channel)}`,
    {
      metadata: { graph: graph.name, channel },
      violations: [{ field, description: "no such channel" }],
    },
  );
}

function assertDecodable(cell: Cell, field: string): void {
  try {
    void cell.value;
  } catch (thrown) {
    if (!(thrown instanceof CairnError)) throw thrown;
    throw new CairnError(thrown.reason, `${field}: ${thrown.message}`, {
      metadata: { ...thrown.metadata, field },
      violations: [{ field, description: thrown.message }],
    });
  }
}

/** The writes of the entry, which hands the input's values on to the channels. */
export function entryWrites(graph: CompiledGraph, state: GraphState): Write[] {
  const cell = state.channels.get(START)?.read();
  if (cell === undefined || cell.typed.type !== INPUT_TYPE) return [];
  return inputWrites(graph, fromBinary(InputSchema, cell.typed.data), "input");
}

/** Applies a new turn's input. What was due before is dropped: its triggers count as seen (LangGraph's rule). */
export function applyInput(state: GraphState, input: Input): void {
  const dropped = prepareTasks(state).map(({ node, path, triggers }) => ({ node, path, triggers, writes: [] }));
  const entry = { node: "__input__", path: "~", triggers: [], writes: [write(START, inputCell(input))] };
  applyWrites(state, [...dropped, entry]);
}
