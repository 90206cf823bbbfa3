import { create } from "@bufbuild/protobuf";
import { TypedValueSchema } from "../../gen/cairn/v1/value_pb.ts";
import { appendEncoded, encodedArray, isEncodedArray } from "../../values/append.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import { Cell } from "../cell.ts";
import type { Write } from "../write.ts";
import type { Channel } from "./channel.ts";

/** A list of what was written; a list that is written counts as its elements. */
export class TopicChannel implements Channel {
  readonly #accumulate: boolean;
  #list: Cell;

  constructor(accumulate: boolean, list: Cell = Cell.of([])) {
    this.#accumulate = accumulate;
    this.#list = list;
  }

  get available(): boolean {
    return length(this.#list) > 0;
  }

  read(): Cell | undefined {
    return this.available ? this.#list : undefined;
  }

  saved(): Cell {
    return this.#list;
  }

  update(writes: readonly Write[]): boolean {
    let changed = false;
    if (!this.#accumulate && this.available) {
      this.#list = Cell.of([]);
      changed = true;
    }
    const added = writes.map(({ cell }) => elements(cell)).filter((list) => !isEmptyArray(list));
    if (added.length === 0) return changed;
    const data = appendEncoded(this.#list.typed.data, ...added);
    this.#list = new Cell(create(TypedValueSchema, { type: "msgpack", data }));
    return true;
  }

  consume(): boolean {
    return false;
  }

  copy(): TopicChannel {
    return new TopicChannel(this.#accumulate, this.#list);
  }
}

function length(list: Cell): number {
  return isEmptyArray(list.typed.data) ? 0 : 1;
}

function isEmptyArray(data: Uint8Array): boolean {
  return data.length === 1 && data[0] === 0x90;
}

/** A written value as an encoded list. */
function elements(cell: Cell): Uint8Array {
  const data = cell.typed.type === "msgpack" ? cell.typed.data : encodeMsgpack(cell.value);
  return isEncodedArray(data) ? data : encodedArray([data]);
}
