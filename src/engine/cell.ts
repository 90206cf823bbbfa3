import { create } from "@bufbuild/protobuf";
import { type TypedValue, TypedValueSchema, type Value } from "../gen/cairn/v1/value_pb.ts";
import { decode, msgpackValue } from "../values/codec.ts";
import { encodeMsgpack } from "../values/msgpack-encode.ts";
import type { Plain } from "../values/value.ts";

/**
 * A value in a channel or a write: its encoded bytes, which are kept as they are, decoded only when somebody
 * looks. Once the store has it, it is named by its reference and not sent again.
 */
export class Cell {
  readonly typed: TypedValue;
  /** Set by whoever commits it. */
  ref: string | undefined;
  #decoded: { value: Plain } | undefined;

  constructor(typed: TypedValue, ref?: string) {
    this.typed = typed;
    this.ref = ref;
  }

  static of(value: Plain): Cell {
    const cell = new Cell(msgpackValue(value));
    cell.#decoded = { value };
    return cell;
  }

  /** The value as MessagePack, whatever it is kept as. Throws VALUE_MALFORMED. */
  get msgpack(): Uint8Array {
    return this.typed.type === "msgpack" ? this.typed.data : encodeMsgpack(this.value);
  }

  /** The decoded value; not to be changed. Throws VALUE_MALFORMED. */
  get value(): Plain {
    this.#decoded ??= { value: decode(this.typed) };
    return this.#decoded.value;
  }

  /** As it goes into a draft: by reference when the store has it, else inline; the same object every time. */
  toValue(): Value {
    const { ref } = this;
    // Written out: this is made for every channel of every checkpoint, and `create` goes by reflection.
    return {
      $typeName: "cairn.v1.Value",
      source: ref === undefined ? { case: "inline", value: this.typed } : { case: "ref", value: ref },
    };
  }
}

/** The value of control channels that only tell that something happened. */
export function nullCell(): Cell {
  return new Cell(create(TypedValueSchema, { type: "null" }));
}
