import { Cell } from "../cell.ts";
import type { Write } from "../write.ts";
import type { Channel } from "./channel.ts";

/** Triggers a deferred node: once written it waits until nothing else is due, however many supersteps that takes. */
export class DeferredChannel implements Channel {
  #stage: "empty" | "waiting" | "finished";

  constructor(saved?: Cell) {
    this.#stage = saved === undefined ? "empty" : saved.value === true ? "finished" : "waiting";
  }

  get available(): boolean {
    return this.#stage === "finished";
  }

  read(): Cell | undefined {
    return this.available ? this.saved() : undefined;
  }

  /** Whether it has been let go. */
  saved(): Cell | undefined {
    return this.#stage === "empty" ? undefined : Cell.of(this.#stage === "finished");
  }

  /** A write after it was let go makes it wait anew (LangGraph's rule). */
  update(writes: readonly Write[]): boolean {
    if (writes.length === 0) return false;
    this.#stage = "waiting";
    return true;
  }

  consume(): boolean {
    if (this.#stage !== "finished") return false;
    this.#stage = "empty";
    return true;
  }

  finish(): boolean {
    if (this.#stage !== "waiting") return false;
    this.#stage = "finished";
    return true;
  }

  copy(): DeferredChannel {
    return new DeferredChannel(this.saved());
  }
}
