// Many clients at once, in processes of their own, on one thread each kind of race. A judge looks at the whole history.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isSoak, randomFrom, seed } from "../support/size-and-seed.ts";
import { Arena } from "./arena.ts";
import type { Call, Entry, Final } from "./history.ts";
import { judge } from "./judge.ts";

const ROUNDS = isSoak ? 500 : 20;
const TIMEOUT_MS = isSoak ? 3_600_000 : 120_000;
const MINUTE_MS = 60_000;

let count = 0;
/** A call with a tag and a request of its own. */
function call(kind: Call["kind"], thread: string, more: Partial<Call> = {}): Call {
  const tag = `${kind}-${++count}`;
  return { kind, thread, tag, requestId: tag, ...more };
}

const reasonsOf = (entries: Entry[]) =>
  entries.map(({ outcome }) => (outcome.ok ? "OK" : outcome.reason)).toSorted((a, b) => a.localeCompare(b));
const winnersOf = (entries: Entry[]) => entries.filter(({ outcome }) => outcome.ok);
const idOf = (entry: Entry | undefined) => (entry?.outcome.ok ? entry.outcome.answer.checkpointId : undefined);

// On MongoDB two servers share the store; once the clock of one is so far ahead that it takes every lease for over.
describe.each([
  ["embedded", 0],
  ["mongodb", 0],
  ["mongodb", MINUTE_MS],
] as const)("races on %s, clocks %d ms apart", (kind, aheadMs) => {
  let arena: Arena;
  const skewed = aheadMs > 0;
  beforeAll(async () => {
    arena = await Arena.start(kind, aheadMs);
  }, 180_000);
  afterAll(() => arena?.end(), 60_000);

  async function verdict(...threads: string[]) {
    const finals = new Map<string, Final>();
    for (const thread of threads) finals.set(thread, await arena.final(thread));
    return { violations: judge({ entries: arena.entries, finals, skewed }), finals };
  }

  it("compare-and-put: one wins each round, the others are told the head", { timeout: TIMEOUT_MS }, async () => {
    let head: string | null = null;
    for (let round = 0; round < ROUNDS; round++) {
      const calls = Array.from({ length: 4 }, () => call("put", "cas", { expectedHead: head }));
      const entries = await arena.round(calls);
      const [winner, ...more] = winnersOf(entries);
      expect(more).toEqual([]);
      head = idOf(winner) ?? null;
      expect(head).not.toBeNull();
      for (const { outcome } of entries) {
        if (!outcome.ok) expect([outcome.reason, outcome.told.head]).toEqual(["HEAD_MISMATCH", head]);
      }
    }
    const { violations, finals } = await verdict("cas");
    expect(violations).toEqual([]);
    expect(finals.get("cas")?.checkpoints).toHaveLength(ROUNDS);
  });

  it("runs on one thread: one holds it, the others are told so", { timeout: TIMEOUT_MS }, async () => {
    let won = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const entries = await arena.round(Array.from({ length: 4 }, () => call("run", "runs")));
      won += winnersOf(entries).length;
      for (const { outcome } of entries)
        if (!outcome.ok) expect(skewed ? ["THREAD_BUSY", "UNKNOWN"] : ["THREAD_BUSY"]).toContain(outcome.reason);
    }
    expect(won).toBeGreaterThan(ROUNDS / 2);
    expect((await verdict("runs")).violations).toEqual([]);
  });

  it("resume against update: either comes first, none is lost", { timeout: TIMEOUT_MS }, async () => {
    const threads: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const thread = `asks-${round}`;
      threads.push(thread);
      const asked = await arena.client.thread(thread).run({ asks: true, log: [] }, { graph: "mark" });
      expect(asked.status).toBe("interrupted");
      const entries = await arena.round([
        call("resume", thread),
        call("update", thread),
        call("resume", thread),
        call("update", thread),
      ]);
      expect(winnersOf(entries).length).toBeGreaterThan(0);
    }
    expect((await verdict(...threads)).violations).toEqual([]);
  });

  it("one request from many clients: one answer, one effect", { timeout: TIMEOUT_MS }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const kindOfCall = round % 2 === 0 ? "put" : "run";
      const same = call(kindOfCall, `same-${kindOfCall}`);
      const entries = await arena.round([same, same, same, { ...same, tag: `${same.tag}-other` }]);
      // Which of the two bodies came first is open; the other one is refused, by whatever it meets.
      const accepted = new Set(winnersOf(entries).map((entry) => entry.call.tag));
      expect(accepted.size, JSON.stringify(reasonsOf(entries))).toBe(1);
    }
    expect((await verdict("same-put", "same-run")).violations).toEqual([]);
  });

  it("delete against everything: what came later stays, nothing is half there", { timeout: TIMEOUT_MS }, async () => {
    const random = randomFrom(seed);
    const others = ["put", "run", "update", "read"] as const;
    const any = () => call(others[Math.floor(random() * others.length)] ?? "read", "gone");
    for (let round = 0; round < ROUNDS; round++) {
      await arena.round([any(), any(), any(), random() < 0.5 ? call("delete", "gone") : any()]);
    }
    await arena.round([call("put", "gone")]);
    const { violations, finals } = await verdict("gone");
    expect(violations, `seed ${seed}`).toEqual([]);
    expect(finals.get("gone")?.checkpoints.length).toBeGreaterThan(0);
    console.info(`races: seed ${seed}, ${arena.entries.length} calls, ${winnersOf(arena.entries).length} done`);
  });
});
