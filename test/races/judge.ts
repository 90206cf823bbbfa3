import type { Entry, Final, FinalEvent } from "./history.ts";

/** A guarantee of the design (section 4) that a history breaks. */
export interface Violation {
  guarantee: 1 | 2 | 3 | 4 | 5 | 6;
  thread: string;
  what: string;
}

export interface Judged {
  entries: readonly Entry[];
  finals: ReadonlyMap<string, Final>;
  /** A server's clock is so far ahead that it takes every lease for over: runs may be ended by others' acts. */
  skewed: boolean;
}

/** Judges a history of calls against guarantees 1 to 6. */
export function judge({ entries, finals, skewed }: Judged): Violation[] {
  return [...finals].flatMap(([thread, final]) => {
    const own = entries.filter(({ call }) => call.thread === thread);
    const found: Violation[] = [];
    const report = (guarantee: Violation["guarantee"], what: string): void => {
      found.push({ guarantee, thread, what });
    };
    const deletedAt = Math.max(-1, ...own.filter(({ call }) => call.kind === "delete").map(({ to }) => to));
    durable(own, final, deletedAt, report);
    whole(own, final, report);
    oneDriver(final.events, skewed, report);
    compareAndPut(own, final, deletedAt, report);
    once(own, final, report);
    finished(final, skewed, report);
    return found;
  });
}

type Report = (guarantee: Violation["guarantee"], what: string) => void;

/** 1. What was acknowledged after the thread was last deleted is there. */
function durable(own: Entry[], { checkpoints }: Final, deletedAt: number, report: Report): void {
  const ids = new Set(checkpoints.map(({ id }) => id));
  for (const { call, from, outcome } of own) {
    if (!outcome.ok || from < deletedAt || call.kind === "read") continue;
    const { checkpointId } = outcome.answer;
    if (checkpointId !== undefined && !ids.has(checkpointId))
      report(1, `${call.kind} ${call.tag} was acknowledged, but its checkpoint ${checkpointId} is not there`);
  }
}

/** 2. The values of one checkpoint were written by one call. */
function whole(own: Entry[], { checkpoints }: Final, report: Report): void {
  const seen = own.flatMap(({ outcome }) => (outcome.ok && outcome.answer.tags ? [outcome.answer.tags] : []));
  for (const tags of [...seen, ...checkpoints.map((checkpoint) => checkpoint.tags)])
    if (new Set(tags).size > 1) report(2, `a checkpoint has values of several calls: ${tags.join(", ")}`);
}

/** 3. After a run has started, nothing is written for another one, and for itself nothing once it has lost the thread. */
function oneDriver(events: FinalEvent[], skewed: boolean, report: Report): void {
  let driver: string | undefined;
  let epoch = 0;
  for (const event of events) {
    if (event.type === "run_started") {
      if (driver !== undefined && driver !== event.runId && !skewed)
        report(3, `run ${event.runId} started while ${driver} held the thread`);
      if ((event.epoch ?? 0) <= epoch) report(3, `run ${event.runId} started with epoch ${event.epoch} after ${epoch}`);
      epoch = event.epoch ?? 0;
      driver = event.runId;
    } else if (event.runId === "") {
      if (!changesState(event)) continue;
      if (driver !== undefined && !skewed)
        report(3, `${event.type} ${event.number} came while ${driver} held the thread`);
      driver = undefined;
    } else {
      if (event.runId !== driver) report(3, `${event.type} ${event.number} is of ${event.runId}, which holds nothing`);
      if (event.type === "run_stopped") driver = undefined;
    }
  }
}

const changesState = ({ type }: FinalEvent) => type === "checkpoint_saved" || type === "checkpoints_deleted";

/** 4. A put that expected a head stands right after it, and the losers were told of another. */
function compareAndPut(own: Entry[], { events }: Final, deletedAt: number, report: Report): void {
  const order = events.flatMap(({ type, checkpointId }) => (type === "checkpoint_saved" ? [checkpointId] : []));
  for (const { call, from, outcome } of own) {
    const { expectedHead } = call;
    if (expectedHead === undefined) continue;
    if (outcome.ok && from > deletedAt) {
      const before = order[order.indexOf(outcome.answer.checkpointId) - 1] ?? null;
      if (before !== expectedHead) report(4, `put ${call.tag} expected ${expectedHead}, but follows ${before}`);
    }
    if (!outcome.ok && outcome.reason === "HEAD_MISMATCH" && outcome.told.head === (expectedHead ?? ""))
      report(4, `put ${call.tag} was refused though the head it was told of is the one it expected`);
  }
}

/** 5. All who made one request got one answer, and it was done once. */
function once(own: Entry[], { events, checkpoints }: Final, report: Report): void {
  for (const [requestId, same] of Map.groupBy(own, ({ call }) => call.requestId)) {
    const answers = new Set(same.flatMap(({ outcome }) => (outcome.ok ? [JSON.stringify(outcome.answer)] : [])));
    if (requestId !== "" && answers.size > 1)
      report(5, `request ${requestId} got ${answers.size} answers: ${[...answers].join(" and ")}`);
  }
  for (const [id, all] of Map.groupBy(saved(events), (checkpointId) => checkpointId))
    if (all.length > 1) report(5, `checkpoint ${id} was saved ${all.length} times`);
  for (const { id, log } of checkpoints)
    if (new Set(log).size < log.length) report(5, `an input was applied twice at ${id}: ${log.join(", ")}`);
}

const saved = (events: FinalEvent[]) =>
  events.flatMap(({ type, checkpointId }) => (type === "checkpoint_saved" ? [checkpointId] : []));

/** 6. A task has one result, and began once: no server dies here. Only a run that lost its thread begins a task anew. */
function finished({ events, begun }: Final, skewed: boolean, report: Report): void {
  const results = Map.groupBy(
    events.filter(({ type }) => type === "task_finished"),
    ({ runId, task }) => `${runId} ${task}`,
  );
  for (const [task, all] of results) {
    if (all.length > 1) report(6, `task ${task} finished ${all.length} times`);
    if ((begun[task] ?? 0) > 1 && !skewed) report(6, `task ${task} has a result and began ${begun[task]} times`);
  }
}
