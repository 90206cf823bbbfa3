// The fuzz on one kind of store, and what must still hold of the store afterwards.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEmbeddedLog } from "../../src/store/embedded/embedded-log.ts";
import type { Log } from "../../src/store/log.ts";
import { openMongoLog } from "../../src/store/mongodb/mongodb-log.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { type Environment, systemEnvironment } from "../../src/system/environment.ts";
import { storeConformance } from "../conformance/store/conformance.ts";
import { allPages, FULL } from "../conformance/store/support.ts";
import { isSoak, seed } from "../support/size-and-seed.ts";
import type { TestStore } from "../support/stores.ts";
import { fuzz } from "./fuzz.ts";

/** CAIRN_SOAK=1 sends fifty times as many; CAIRN_SEED repeats what was made, though not the order of its arrival. */

const MiB = 2 ** 20;

export function fuzzSuite(name: string, requests: number, newStore: () => Promise<TestStore>): void {
  describe(`fuzz on ${name}`, () => {
    let store: TestStore;
    beforeAll(async () => {
      store = await newStore();
    });
    afterAll(() => store?.remove());

    test(`no request does harm, seed ${seed}`, { timeout: isSoak ? 8 * 3_600_000 : 600_000 }, async () => {
      console.info(`fuzz on ${name}: seed ${seed} (CAIRN_SEED=${seed} repeats it)`);
      const plan = { args: store.args, requests: requests * (isSoak ? 50 : 1), seed };
      const { tally, answers, memory, complaints, exit } = await fuzz(plan);
      const { warm, end } = memory;
      const used = `${Math.round(warm.used / MiB)} MiB in use after a third, ${Math.round(end.used / MiB)} at the end`;
      console.info(`fuzz on ${name}: ${tally}\n${answers} health calls answered; ${used}`);
      const wrong = [...tally.faults, ...complaints];
      // Whole, so that a summary of one line a test tells the first of them.
      if (wrong.length > 0) expect.fail(wrong.join("\n"));
      expect(exit).toBe(0);
      // Refusals alone would prove nothing.
      expect(tally.succeeded / tally.sent).toBeGreaterThan(0.25);
      expect(tally.untried).toEqual([]);
      expect(answers).toBeGreaterThan(0);
      expect(end.used).toBeLessThan(2 * warm.used + 64 * MiB);
      expect(end.rss).toBeLessThan(2 * warm.rss + 512 * MiB);
    });

    test("what is left can be read", { timeout: isSoak ? 3_600_000 : 180_000 }, async () => {
      const opened = await openStore(store.location, systemEnvironment);
      try {
        const { threads, checkpoints, events } = await readAll(opened);
        console.info(`fuzz on ${name} left ${threads} threads, ${checkpoints} checkpoints, ${events} events`);
        expect(checkpoints).toBeGreaterThanOrEqual(3);
      } finally {
        await opened.close();
      }
    });

    storeConformance(`${name}, after the fuzz`, async () => backendOf(store));
  });
}

/** The same data for the contract's suite. One process has one embedded log: servers can only share it. */
function backendOf({ location }: TestStore) {
  let log: Promise<Log> | undefined;
  const open = (environment: Environment): Promise<Log> => {
    if ("uri" in location) return openMongoLog(location, environment);
    log ??= openEmbeddedLog(location.folder, environment);
    return log;
  };
  return { open, close: async () => {} };
}

/** Reads every thread, checkpoint, value and event of every space. Throws for what can't be read. */
async function readAll(store: Store): Promise<{ threads: number; checkpoints: number; events: number }> {
  const count = { threads: 0, checkpoints: 0, events: 0 };
  const spaces = await allPages(async (token) => {
    const { spaces: items, nextPageToken } = await store.listSpaces(100, token);
    return { items, nextPageToken };
  });
  for (const space of spaces) {
    const threads = await allPages(async (pageToken) => {
      const page = await store.listThreads(space, { filters: [], pageSize: 100, pageToken });
      return { items: page.threads, nextPageToken: page.nextPageToken };
    });
    for (const { id: thread } of threads) {
      count.threads++;
      count.events += await eventsOf(store, space, thread);
    }
    const list = { filters: [], order: "seq" as const, pageSize: 100 };
    const checkpoints = await allPages(async (pageToken) => {
      const page = await store.listCheckpoints(space, { ...list, pageToken }, FULL);
      return { items: page.entries.map(({ checkpoint }) => checkpoint.id), nextPageToken: page.nextPageToken };
    });
    count.checkpoints += checkpoints.length;
  }
  return count;
}

async function eventsOf(store: Store, space: string, thread: string): Promise<number> {
  let count = 0;
  for (let after = 0; ; ) {
    const { events, next, last } = await store.readEvents({ space, thread }, after, 50);
    count += events.length;
    if (next >= last || next === after) return count;
    after = next;
  }
}
