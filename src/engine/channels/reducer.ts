import { isPlainMap } from "../../values/value.ts";
import { Cell } from "../cell.ts";
import { invalidUpdate } from "../failure.ts";
import type { Write } from "../write.ts";
import type { Channel } from "./channel.ts";
import { type Reducer, reducers } from "./reducers.ts";

interface ReducerRules {
  reducer: Reducer;
  /** What an overwrite with null leaves; undefined: null itself. */
  emptied: Cell | undefined;
}

/** A channel that combines each write with what it holds. */
export class ReducerChannel implements Channel {
  readonly #name: string;
  readonly #rules: ReducerRules;
  #cell: Cell;

  constructor(name: string, rules: ReducerRules, cell: Cell) {
    this.#name = name;
    this.#rules = rules;
    this.#cell = cell;
  }

  get available(): boolean {
    return true;
  }

  read(): Cell {
    return this.#cell;
  }

  saved(): Cell {
    return this.#cell;
  }

  update(writes: readonly Write[]): boolean {
    if (writes.length === 0) return false;
    let overwritten = false;
    for (const write of writes) {
      const replacement = replacementOf(write);
      if (replacement !== undefined) {
        if (overwritten) throw invalidUpdate(this.#name, "can be overwritten only once per superstep");
        const { emptied } = this.#rules;
        this.#cell = emptied !== undefined && replacement.value === null ? emptied : replacement;
        overwritten = true;
      } else if (!overwritten) {
        this.#cell = reducers[this.#rules.reducer].combine(this.#name, this.#cell, write.cell);
      }
    }
    return true;
  }

  consume(): boolean {
    return false;
  }

  copy(): ReducerChannel {
    return new ReducerChannel(this.#name, this.#rules, this.#cell);
  }
}

/** The value that replaces the channel's: of an overwrite, or of its JSON form `{"__overwrite__": value}`. */
function replacementOf({ cell, overwrite }: Write): Cell | undefined {
  if (overwrite) return cell;
  if (cell.typed.data.length > OVERWRITE_BYTES_MIN && mentionsOverwrite(cell.typed.data)) {
    const value = cell.value;
    const inner = isPlainMap(value) && Object.keys(value).length === 1 ? value.__overwrite__ : undefined;
    if (inner !== undefined) return Cell.of(inner);
  }
  return undefined;
}

const OVERWRITE_KEY = Buffer.from("__overwrite__");
const OVERWRITE_BYTES_MIN = OVERWRITE_KEY.length;
/** The key stands at the very beginning of such a value; looking no further keeps large appends cheap. */
const OVERWRITE_SEARCH_BYTES = 64;

function mentionsOverwrite(data: Uint8Array): boolean {
  return Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, OVERWRITE_SEARCH_BYTES)).includes(
    OVERWRITE_KEY,
  );
}
