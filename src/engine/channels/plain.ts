import type { Cell } from "../cell.ts";
import { invalidUpdate } from "../failure.ts";
import type { Write } from "../write.ts";
import type { Channel } from "./channel.ts";

interface PlainRules {
  /** Several writes in one superstep are refused. */
  single: boolean;
  /** A superstep that does not write it clears it. */
  fleeting: boolean;
  /** Checkpoints keep it. */
  tracked: boolean;
}

/** Last value, any value, ephemeral and untracked channels: they hold the last write and differ in three rules. */
const rules = {
  lastValue: { single: true, fleeting: false, tracked: true },
  anyValue: { single: false, fleeting: true, tracked: true },
  ephemeral: { single: true, fleeting: true, tracked: true },
  untracked: { single: true, fleeting: false, tracked: false },
  /** Control channels that trigger a node: any number of writes. */
  trigger: { single: false, fleeting: true, tracked: true },
} satisfies Record<string, PlainRules>;

export class PlainChannel implements Channel {
  readonly #name: string;
  readonly #kind: keyof typeof rules;
  #cell: Cell | undefined;

  constructor(name: string, kind: keyof typeof rules, cell?: Cell) {
    this.#name = name;
    this.#kind = kind;
    this.#cell = cell;
  }

  get available(): boolean {
    return this.#cell !== undefined;
  }

  read(): Cell | undefined {
    return this.#cell;
  }

  saved(): Cell | undefined {
    return rules[this.#kind].tracked ? this.#cell : undefined;
  }

  update(writes: readonly Write[]): boolean {
    const { single, fleeting } = rules[this.#kind];
    if (writes.length === 0) {
      if (!fleeting || this.#cell === undefined) return false;
      this.#cell = undefined;
      return true;
    }
    if (single && writes.length > 1) {
      throw invalidUpdate(this.#name, `can receive only one value per superstep, got ${writes.length}`);
    }
    this.#cell = writes.at(-1)?.cell;
    return true;
  }

  consume(): boolean {
    return false;
  }

  copy(): PlainChannel {
    return new PlainChannel(this.#name, this.#kind, this.#cell);
  }
}
