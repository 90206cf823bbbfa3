/** How a node tells something while it runs: in a worker thread, at once, and no faster than the server takes it. */
import { limits } from "../../limits.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import type { Plain } from "../../values/value.ts";
import type { NodeContext } from "./api.ts";
import type { CallMessage, ToldInCall } from "./protocol.ts";

export type Teller = Pick<NodeContext, "emit" | "token" | "alive">;

/** The methods of one call's context. `isOver` says that the function has returned: what comes later tells nothing. */
export function tellerOf({ id, as }: CallMessage, send: (told: ToldInCall) => void, isOver: () => boolean): Teller {
  const tell = (told: ToldInCall, bytes: number): void => {
    if (as === "decide") throw new Error("a conditional edge can't tell anything");
    const { ephemeralEventBytesMax: max } = limits;
    if (bytes > max) throw new RangeError(`what a node tells has ${bytes} bytes, the limit is ${max}`);
    if (!isOver()) send(told);
  };
  return {
    alive() {
      tell({ kind: "alive", id }, 0);
    },
    emit(value) {
      const encoded = encodeMsgpack((value ?? null) as Plain);
      tell({ kind: "custom", id, value: encoded }, encoded.length);
    },
    token(messageId, text) {
      for (const part of [messageId, text]) {
        if (typeof part !== "string") throw new TypeError("token needs a message's id and a text");
        // It would arrive as another character.
        if (!part.isWellFormed()) throw new TypeError("a token must not end within a character (a surrogate pair)");
      }
      tell({ kind: "token", id, messageId, text }, Buffer.byteLength(messageId) + Buffer.byteLength(text));
    },
  };
}

/**
 * Counts what is on its way. The worker thread waits while that is as much as may be: it does not yield to its event
 * loop, since a node that tells in a loop does not either.
 */
export class InFlight {
  readonly #count: Int32Array<SharedArrayBuffer>;

  constructor(count: Int32Array<SharedArrayBuffer>) {
    this.#count = count;
  }

  /** Called by the worker thread before it sends. */
  begin(): void {
    for (;;) {
      const count = Atomics.load(this.#count, 0);
      if (count < limits.ephemeralInFlightMax) break;
      Atomics.wait(this.#count, 0, count);
    }
    Atomics.add(this.#count, 0, 1);
  }

  /** Called by the server when it has taken one. */
  end(): void {
    Atomics.sub(this.#count, 0, 1);
    Atomics.notify(this.#count, 0);
  }
}
