import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { StreamEventsRequest } from "../gen/cairn/v1/run_service_pb.ts";
import { threadNotFound } from "../not-found.ts";
import type { EventPage, ThreadKey } from "../store/store.ts";
import { filterOf, isTheEnd } from "./event-filter.ts";
import type { RunParts } from "./parts.ts";
import { PassingEvents } from "./passing-events.ts";

/** Log records read at a time. */
const recordsAtATime = 100;
/** How often the log is looked at for what other servers wrote. */
const pollMs = 500;
/** The same where no other server can write: should a commit ever not be heard of. */
const pollExclusiveMs = 10_000;

/**
 * A thread's events in order, from a number on: those that are there, then those that come. The log decides what they
 * are, so it does not matter which server wrote it; a commit of this server wakes the reader at once. Nothing is kept
 * for a reader that does not take what is there but a bounded number of ephemeral events. Ends when the call does.
 */
export async function* streamEvents(
  { store, ephemeral, recent, environment }: Pick<RunParts, "store" | "ephemeral" | "recent" | "environment">,
  key: ThreadKey,
  request: StreamEventsRequest,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const { tail, exists } = await store.tail(key);
  if (!exists) throw threadNotFound(key.thread);
  const wanted = filterOf(request);
  const end = Number(tail.lastEventNumber);
  let after = request.after === undefined ? end : Number(request.after);
  let readTo: number | undefined;
  const bell = new Bell();
  const passing = new PassingEvents(BigInt(after), tail.lease?.epoch ?? 0n);
  const commits = recent.follow(key, () => bell.ring("log"));
  const stopListening = ephemeral.listen(key, (event) => {
    if (!wanted(event)) return;
    passing.add(event);
    // What this server knows to be in the log has been rung for.
    bell.ring("passing");
  });
  const ring = (): void => bell.ring("log");
  signal.addEventListener("abort", ring);
  let stopTimer = (): void => {};
  bell.ring("log");
  try {
    while (!signal.aborted) {
      if (bell.takeLog()) {
        const page: EventPage =
          (readTo === undefined ? undefined : commits.after(readTo)) ??
          (await store.readEvents(key, after, recordsAtATime, readTo));
        for (const event of page.events) {
          yield* passing.before(event);
          const isEnd = isTheEnd(event, request);
          if (wanted(event) || isEnd) yield event;
          if (isEnd) return;
        }
        ({ next: after, n: readTo } = page);
        if (after < page.last) ring();
        // From one look at the log to the next, however much passes by in between.
        stopTimer();
        stopTimer = environment.clock.after(store.exclusive ? pollExclusiveMs : pollMs, ring);
      }
      yield* passing.upTo(BigInt(after));
      if (request.untilNow && after >= end) return;
      if (!bell.logHasMore) await bell.rung();
    }
  } finally {
    stopTimer();
    signal.removeEventListener("abort", ring);
    stopListening();
    commits.end();
  }
}

/** Wakes one reader. A ring that comes before the wait is not lost, nor is what it was for. */
class Bell {
  #rung = Promise.withResolvers<void>();
  #logHasMore = false;

  /** "log": the log may hold more than has been read; "passing": only what has passed by is to be given. */
  ring(why: "log" | "passing"): void {
    if (why === "log") this.#logHasMore = true;
    this.#rung.resolve();
  }

  get logHasMore(): boolean {
    return this.#logHasMore;
  }

  /** To be called before the log is read: what is committed from now on rings again. */
  takeLog(): boolean {
    const had = this.#logHasMore;
    this.#logHasMore = false;
    return had;
  }

  async rung(): Promise<void> {
    await this.#rung.promise;
    this.#rung = Promise.withResolvers<void>();
  }
}
