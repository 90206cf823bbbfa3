import type { ThreadKey } from "./log.ts";
import { threadName } from "./thread-name.ts";

/** Lets one act at a time happen on each thread, in the order of arrival; threads don't wait for each other. */
export class ThreadQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  run<Result>(key: ThreadKey, act: () => Promise<Result>): Promise<Result> {
    const name = threadName(key);
    const result = (this.#last.get(name) ?? Promise.resolve()).then(act);
    const settled = result.then(
      () => {},
      () => {},
    );
    this.#last.set(name, settled);
    settled.then(() => {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    });
    return result;
  }
}
