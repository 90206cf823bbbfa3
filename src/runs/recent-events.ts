import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { Committed, EventPage, Store, ThreadKey } from "../store/store.ts";
import { threadName } from "../store/thread-name.ts";

/** Records kept for a thread's readers, and their events. */
const recordsMax = 64;
const eventsMax = 2_000;

/** The events of the newest records of one thread, without a gap, for as long as somebody reads it. */
class Recent {
  readonly rings = new Set<() => void>();
  #records: { n: number; events: Event[] }[] = [];
  #events = 0;
  #last = 0;

  add({ thread, record }: Committed): void {
    const { n } = thread;
    // Another server has written in between, or what is kept is not what the log holds any more.
    const isNext = this.#records.at(-1)?.n === n - 1;
    if (!isNext || record.floor || record.changesOlder) this.#records.length = this.#events = 0;
    if (record.floor) return;
    this.#records.push({ n, events: record.events });
    this.#events += record.events.length;
    this.#last = Number(thread.tail.lastEventNumber);
    while (this.#records.length > recordsMax || (this.#events > eventsMax && this.#records.length > 1)) {
      this.#events -= this.#records.shift()?.events.length ?? 0;
    }
  }

  /** What comes after the record at a position, if it is all here. */
  after(n: number): EventPage | undefined {
    const first = this.#records[0]?.n;
    const end = this.#records.at(-1)?.n;
    if (first === undefined || end === undefined || n + 1 < first || n >= end) return undefined;
    const events = this.#records.slice(n + 1 - first).flatMap(({ events }) => events);
    return { events, n: end, next: this.#last, last: this.#last };
  }
}

export interface Followed {
  /** As Store.readEvents, of what this server has committed just now; undefined: ask the store. */
  after(n: number): EventPage | undefined;
  end(): void;
}

/**
 * What this server commits to threads that are being read. Readers that keep up are given it as it is, in place of each
 * reading and decoding the same record; whoever is behind reads the log.
 */
export class RecentEvents {
  readonly #threads = new Map<string, Recent>();

  constructor(store: Pick<Store, "onCommit">) {
    store.onCommit((key, committed) => {
      if (this.#threads.size === 0) return;
      const recent = this.#threads.get(threadName(key));
      recent?.add(committed);
      for (const ring of recent?.rings ?? []) ring();
    });
  }

  /** `ring` is called after each commit of this server to the thread. */
  follow(key: ThreadKey, ring: () => void): Followed {
    const name = threadName(key);
    const recent = this.#threads.get(name) ?? new Recent();
    this.#threads.set(name, recent);
    // A function of its own, so that two readers never share one.
    const own = (): void => ring();
    recent.rings.add(own);
    return {
      after: (n) => recent.after(n),
      end: () => {
        recent.rings.delete(own);
        if (recent.rings.size === 0) this.#threads.delete(name);
      },
    };
  }
}
