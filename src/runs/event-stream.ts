import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { StreamEventsRequest } from "../gen/cairn/v1/run_service_pb.ts";
import { threadNotFound } from "../not-found.ts";
import type { ThreadKey } from "../store/store.ts";
import { threadName } from "../store/thread-name.ts";
import { filterOf, isTheEnd } from "./event-filter.ts";
import type { RunParts } from "./parts.ts";

/** Log records read at a time. */
const recordsAtATime = 100;
/** How often the log is looked at for what other servers wrote. */
const pollMs = 500;
/** Ephemeral events kept for a reader that does not keep up; the oldest are lost first. */
const ephemeralKeptMax = 1000;

/**
 * A thread's events in order, from a number on: those that are there, then those that come. Reads the log only, so
 * it does not matter which server wrote it; a commit of this server wakes it at once. Ends when the call does.
 */
export async function* streamEvents(
  { store, ephemeral, environment }: Pick<RunParts, "store" | "ephemeral" | "environment">,
  key: ThreadKey,
  request: StreamEventsRequest,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const thread = await store.tail(key);
  if (!thread.exists) throw threadNotFound(key.thread);
  const wanted = filterOf(request);
  const bell = new Bell();
  const passing: Event[] = [];
  const endings = [
    store.onCommit((committed) => {
      if (threadName(committed) === threadName(key)) bell.ring();
    }),
    ephemeral.listen(key, (event) => {
      if (passing.push(event) > ephemeralKeptMax) passing.shift();
      bell.ring();
    }),
  ];
  const ring = (): void => bell.ring();
  signal.addEventListener("abort", ring);
  let after = request.after === undefined ? Number(thread.tail.lastEventNumber) : Number(request.after);
  try {
    while (!signal.aborted) {
      const page = await store.readEvents(key, after, recordsAtATime);
      for (const event of page.events) {
        yield* passed(passing, Number(event.number) - 1).filter(wanted);
        const isEnd = isTheEnd(event, request);
        if (wanted(event) || isEnd) yield event;
        if (isEnd) return;
      }
      after = page.next;
      if (after < page.last) continue;
      yield* passed(passing, after).filter(wanted);
      if (request.untilNow) return;
      const stopTimer = environment.clock.after(pollMs, ring);
      await bell.rung();
      stopTimer();
    }
  } finally {
    signal.removeEventListener("abort", ring);
    for (const end of endings) end();
  }
}

/** Takes out the ephemeral events that belong before the next durable one. */
function passed(passing: Event[], number: number): Event[] {
  const later = passing.findIndex((event) => Number(event.number) > number);
  return passing.splice(0, later === -1 ? passing.length : later);
}

/** Wakes one waiter; a ring that comes before the wait is not lost. */
class Bell {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  async rung(): Promise<void> {
    await this.#rung.promise;
    this.#rung = Promise.withResolvers<void>();
  }
}
