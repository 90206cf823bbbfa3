import { setTimeout as sleep } from "node:timers/promises";
import type { EventOptions, RunOutcome, Thread } from "../../clients/typescript/src/index.ts";
import type { Session } from "./action.ts";
import { eventJson, eventText } from "./print-event.ts";

/** How long to wait for the events of a run that has given its answer. */
const stragglersMs = 2_000;

/** Runs while showing the thread's events as they happen. */
export async function watchRun(thread: Thread, session: Session, run: () => Promise<RunOutcome>): Promise<RunOutcome> {
  const { output, signal } = session;
  const after = await lastEventNumber(thread, signal);
  const watching = new AbortController();
  const both = AbortSignal.any([signal, watching.signal]);
  const running = run();
  const watch = show(thread, session, { after, untilStop: true, signal: both }, running).catch((error) => {
    if (!watching.signal.aborted) output.note(`cairn: events are not shown: ${error.message}`);
  });
  try {
    const outcome = await running;
    await Promise.race([watch, sleep(stragglersMs, undefined, { ref: false })]);
    return outcome;
  } finally {
    watching.abort();
    await watch;
  }
}

/** A thread that does not exist yet begins with the run. */
async function lastEventNumber(thread: Thread, signal: AbortSignal): Promise<bigint> {
  try {
    return (await thread.info({ signal })).lastEventNumber;
  } catch (error) {
    if (isNotFound(error)) return 0n;
    throw error;
  }
}

async function show(thread: Thread, session: Session, options: EventOptions, running: Promise<unknown>): Promise<void> {
  let over = false;
  const end = () => {
    over = true;
  };
  running.then(end, end);
  for (;;) {
    try {
      for await (const event of thread.events(options)) {
        session.output.line(session.output.json ? session.output.text(eventJson(event)) : eventText(event));
      }
      return;
    } catch (error) {
      if (!isNotFound(error) || over) throw error;
      await sleep(50, undefined, { signal: options.signal });
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "codeName" in error && error.codeName === "NOT_FOUND";
}
