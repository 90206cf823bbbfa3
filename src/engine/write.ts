import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { type Send, SendSchema } from "../gen/cairn/v1/checkpoint_pb.ts";
import { TypedValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { malformed } from "../values/fault.ts";
import { Cell } from "./cell.ts";
import { SENDS } from "./names.ts";

/** A request to run a node in the next superstep with an argument of its own. */
export interface SendPacket {
  node: string;
  arg: Cell;
  sourceNode: string | undefined;
  timeout: Duration | undefined;
}

/** One write of a task to one channel. */
export interface Write {
  channel: string;
  cell: Cell;
  /** Replaces the value of a reducer's channel. */
  overwrite: boolean;
  /** Set on writes to the SENDS channel. */
  send?: SendPacket;
}

export function write(channel: string, cell: Cell, overwrite = false): Write {
  return { channel, cell, overwrite };
}

/** The type under which a Send is saved as a pending write: an encoded cairn.v1.Send with its value inline. */
export const SEND_TYPE = "cairn.send";

export function sendWrite(send: SendPacket): Write {
  const message = create(SendSchema, {
    node: send.node,
    value: { source: { case: "inline", value: send.arg.typed } },
    sourceNode: send.sourceNode,
    timeout: send.timeout,
  });
  const typed = create(TypedValueSchema, { type: SEND_TYPE, data: toBinary(SendSchema, message) });
  return { channel: SENDS, cell: new Cell(typed), overwrite: false, send };
}

/** The same write for another thread: references hold within a thread only. */
export function unsaved(from: Write): Write {
  const { cell, send } = from;
  if (send === undefined) return { ...from, cell: new Cell(cell.typed) };
  return { ...from, cell: new Cell(cell.typed), send: { ...send, arg: new Cell(send.arg.typed) } };
}

export function sendFromCell(cell: Cell): SendPacket {
  const message = decodeSend(cell.typed.data);
  const source = message.value?.source;
  const typed = source?.case === "inline" ? source.value : create(TypedValueSchema, { type: "null" });
  return { node: message.node, arg: new Cell(typed), sourceNode: message.sourceNode, timeout: message.timeout };
}

/** Writes may be put from outside, so the bytes can be anything. */
function decodeSend(data: Uint8Array): Send {
  try {
    return fromBinary(SendSchema, data);
  } catch {
    throw malformed("a saved Send that is no cairn.v1.Send,", 0);
  }
}
