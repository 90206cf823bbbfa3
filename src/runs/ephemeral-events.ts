import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { ThreadKey } from "../store/store.ts";
import { threadName } from "../store/thread-name.ts";

type Listener = (event: Event) => void;

/** Events that are told to whoever listens on this server at the moment, and never kept. */
export class EphemeralEvents {
  readonly #listeners = new Map<string, Set<Listener>>();

  listen(key: ThreadKey, listener: Listener): () => void {
    const name = threadName(key);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(name);
    };
  }

  tell(key: ThreadKey, event: Event): void {
    for (const listener of this.#listeners.get(threadName(key)) ?? []) listener(event);
  }
}
