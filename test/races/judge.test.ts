// The judge finds nothing wrong with a sound history, and each guarantee's breach in one that is not.
import { expect, it } from "vitest";
import type { Call, Entry, Final, FinalEvent, Outcome } from "./history.ts";
import { judge } from "./judge.ts";

const ok = (checkpointId: string): Outcome => ({ ok: true, answer: { checkpointId } });

function entry(call: Partial<Call>, at: number, outcome: Outcome): Entry {
  const whole: Call = { kind: "put", thread: "t", tag: `tag ${at}`, requestId: `request ${at}`, ...call };
  return { client: 0, call: whole, from: at, to: at + 1, outcome };
}

function events(...list: Omit<FinalEvent, "number">[]): FinalEvent[] {
  return list.map((event, index) => ({ number: index + 1, ...event }));
}

const saved = (checkpointId: string, runId = ""): Omit<FinalEvent, "number"> => ({
  type: "checkpoint_saved",
  runId,
  checkpointId,
});
const started = (runId: string, epoch: number) => ({ type: "run_started", runId, epoch });
const stopped = (runId: string) => ({ type: "run_stopped", runId });
const finished = (runId: string) => ({ type: "task_finished", runId, task: "task" });

/** Two puts, the second of which expected the first, and a run. */
function sound(): { entries: Entry[]; final: Final } {
  return {
    entries: [
      entry({ expectedHead: null }, 10, ok("a")),
      entry({ expectedHead: "a" }, 20, ok("b")),
      entry({ expectedHead: "a" }, 21, { ok: false, reason: "HEAD_MISMATCH", told: { head: "b" } }),
      entry({ kind: "run" }, 30, ok("c")),
    ],
    final: {
      checkpoints: ["a", "b", "c"].map((id) => ({ id, tags: [id, id], log: ["one", "two"] })),
      events: events(saved("a"), saved("b"), started("r", 1), finished("r"), saved("c", "r"), stopped("r")),
      begun: { "r task": 1 },
    },
  };
}

function guaranteesBroken(change: (history: ReturnType<typeof sound>) => void): number[] {
  const history = sound();
  change(history);
  const { entries, final } = history;
  const found = judge({ entries, finals: new Map([["t", final]]), skewed: false });
  return [...new Set(found.map(({ guarantee }) => guarantee))];
}

const breaches: [guarantee: number, what: string, change: (history: ReturnType<typeof sound>) => void][] = [
  [1, "an acknowledged put is gone", ({ final }) => final.checkpoints.splice(1, 1)],
  [2, "a checkpoint has another one's value", ({ final }) => final.checkpoints[0]?.tags.push("b")],
  [
    2,
    "a read saw two calls' values",
    ({ entries }) => {
      entries.push(entry({ kind: "read" }, 25, { ok: true, answer: { tags: ["a", "b"] } }));
    },
  ],
  [
    3,
    "two runs at once",
    ({ final }) => {
      final.events = events(saved("a"), saved("b"), started("r", 1), started("s", 2), saved("c", "s"), stopped("s"));
    },
  ],
  [
    3,
    "an update under a run",
    ({ final }) => {
      final.events = events(saved("a"), started("r", 1), saved("b"), started("r", 2), saved("c", "r"), stopped("r"));
    },
  ],
  [3, "a stale holder's checkpoint", ({ final }) => final.events.push({ number: 9, ...finished("r") })],
  [
    3,
    "an epoch twice",
    ({ final }) => {
      final.events.push({ number: 8, ...started("s", 1) }, { number: 9, ...stopped("s") });
    },
  ],
  [
    4,
    "two winners",
    ({ entries, final }) => {
      entries[2] = entry({ expectedHead: "a" }, 21, ok("d"));
      final.checkpoints.push({ id: "d", tags: [], log: [] });
      final.events.push({ number: 9, ...saved("d") });
    },
  ],
  [
    4,
    "a loser that should have won",
    ({ entries }) => {
      entries[2] = entry({ expectedHead: "b" }, 21, { ok: false, reason: "HEAD_MISMATCH", told: { head: "b" } });
    },
  ],
  [
    5,
    "two answers to one request",
    ({ entries }) => {
      entries.push(entry({ requestId: "request 10" }, 22, ok("b")));
    },
  ],
  [5, "one checkpoint saved twice", ({ final }) => final.events.unshift({ number: 0, ...saved("a") })],
  [5, "an input applied twice", ({ final }) => final.checkpoints[2]?.log.push("one")],
  [
    6,
    "a finished task ran again",
    ({ final }) => {
      final.begun["r task"] = 2;
    },
  ],
  [6, "a task finished twice", ({ final }) => final.events.splice(3, 0, { number: 3, ...finished("r") })],
];

it("a sound history breaks nothing", () => {
  expect(guaranteesBroken(() => {})).toEqual([]);
});

it.each(breaches)("guarantee %d: %s", (guarantee, _what, change) => {
  expect(guaranteesBroken(change)).toContain(guarantee);
});
