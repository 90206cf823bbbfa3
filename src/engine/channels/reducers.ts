import { create } from "@bufbuild/protobuf";
import { TypedValueSchema } from "../../gen/cairn/v1/value_pb.ts";
import { appendEncoded, isEncodedArray } from "../../values/append.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import { emptyMap, Float, floatOf, integerOf, isPlainMap, type Plain } from "../../values/value.ts";
import { Cell } from "../cell.ts";
import { invalidUpdate } from "../failure.ts";

export type Reducer = "add" | "append" | "max" | "merge";

interface ReducerRule {
  /** What a channel starts with. */
  initial: () => Plain;
  /** What is wrong with a value for this reducer; undefined when it fits. */
  refuses: (value: Plain) => string | undefined;
  combine: (channel: string, held: Cell, written: Cell) => Cell;
}

export const reducers: Record<Reducer, ReducerRule> = {
  add: { initial: () => 0, refuses: notNumber, combine: add },
  append: {
    initial: () => [],
    refuses: (v) => (Array.isArray(v) ? undefined : `expected a list, got ${kind(v)}`),
    combine: append,
  },
  max: { initial: () => 0, refuses: notNumber, combine: max },
  merge: {
    initial: emptyMap,
    refuses: (v) => (isPlainMap(v) ? undefined : `expected a map, got ${kind(v)}`),
    combine: merge,
  },
};

/** Whole numbers stay whole and exact; a float makes a float. MessagePack holds −2^63 to 2^64 − 1. */
function add(channel: string, held: Cell, written: Cell): Cell {
  const a = number(channel, held);
  const b = number(channel, written);
  if (isFloat(a) || isFloat(b)) return Cell.of(floatOf(Number(a) + Number(b)));
  const sum = BigInt(a) + BigInt(b);
  if (sum < -(2n ** 63n) || sum >= 2n ** 64n) throw invalidUpdate(channel, `the sum ${sum} does not fit 64 bits`);
  return Cell.of(integerOf(sum));
}

/** The held value stays unless the written one is greater. */
function max(channel: string, held: Cell, written: Cell): Cell {
  return greater(number(channel, written), number(channel, held)) ? written : held;
}

/** Concatenates the encoded elements; decodes none unless one side is JSON. */
function append(channel: string, held: Cell, written: Cell): Cell {
  const data = appendEncoded(encodedList(channel, held), encodedList(channel, written));
  return new Cell(create(TypedValueSchema, { type: "msgpack", data }));
}

function merge(channel: string, held: Cell, written: Cell): Cell {
  const merged = emptyMap();
  for (const cell of [held, written]) {
    const value = cell.value;
    if (!isPlainMap(value)) throw invalidUpdate(channel, `merge needs maps, got ${kind(value)}`);
    Object.assign(merged, value);
  }
  return Cell.of(merged);
}

function encodedList(channel: string, cell: Cell): Uint8Array {
  if (cell.typed.type === "msgpack" && isEncodedArray(cell.typed.data)) return cell.typed.data;
  const value = cell.value;
  if (!Array.isArray(value)) throw invalidUpdate(channel, `append needs lists, got ${kind(value)}`);
  return encodeMsgpack(value);
}

type Numeric = number | bigint | Float;

function number(channel: string, cell: Cell): Numeric {
  const value = cell.value;
  const fault = notNumber(value);
  if (fault !== undefined) throw invalidUpdate(channel, fault);
  return value as Numeric;
}

function notNumber(value: Plain): string | undefined {
  const fits = typeof value === "number" || typeof value === "bigint" || value instanceof Float;
  return fits ? undefined : `expected a number, got ${kind(value)}`;
}

function isFloat(value: Numeric): value is number | Float {
  return value instanceof Float || (typeof value === "number" && !Number.isInteger(value));
}

function greater(a: Numeric, b: Numeric): boolean {
  // JavaScript compares bigint and number by value, without rounding either.
  return (a instanceof Float ? a.value : a) > (b instanceof Float ? b.value : b);
}

/** What a value is, for messages. */
function kind(value: Plain): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "bytes";
  if (typeof value === "object") return value instanceof Float ? "a number" : "a map";
  return typeof value === "string" ? "text" : `a ${typeof value}`;
}
