import { v4 } from "uuid";
import type { Environment } from "./environment.ts";

/** A random UUID (version 4). */
export function uuid4({ random }: Environment): string {
  return v4({ random: random.bytes(16) });
}

/** 100 ns intervals between the UUID epoch (1582-10-15) and the Unix epoch. */
const UUID_EPOCH_OFFSET = 0x01b21dd213814000n;

/**
 * Mints UUIDs of version 6 (RFC 9562) that increase by their bytes within this process, also when the clock
 * stands still or goes back.
 */
export class Uuid6Minter {
  #lastTicks = 0n;
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  mint(): string {
    const ticksNow = BigInt(Math.trunc(this.#environment.clock.nowMs())) * 10_000n + UUID_EPOCH_OFFSET;
    const ticks = ticksNow > this.#lastTicks ? ticksNow : this.#lastTicks + 1n;
    this.#lastTicks = ticks;
    const time = ticks.toString(16).padStart(15, "0");
    const random = this.#environment.random.bytes(8);
    random[0] = ((random[0] as number) & 0x3f) | 0x80;
    const node = Buffer.from(random.buffer, random.byteOffset, 8).toString("hex");
    return `${time.slice(0, 8)}-${time.slice(8, 12)}-6${time.slice(12)}-${node.slice(0, 4)}-${node.slice(4)}`;
  }
}
