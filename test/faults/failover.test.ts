// The MongoDB primary goes away between a large value and the commit that refers to it, and between a commit and its
// answer. The server stays, the clients notice nothing but time.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ReplicaSet, startReplicaSet } from "../support/mongo.ts";
import { mongoStore } from "../support/stores.ts";
import { auditThreads, withStore } from "./audit.ts";
import { FaultyServer } from "./faulty-server.ts";
import { COPIED, FLOW, KEPT, MOVED, OTHER_SPACE, PRUNED, story, UPLOADED } from "./story.ts";
import { Witness } from "./witness.ts";

let set: ReplicaSet;
beforeAll(async () => {
  set = await startReplicaSet({ members: 3, needsMembers: true });
}, 180_000);
afterAll(() => set?.stop(), 60_000);

/** Takes the primary away, and gives what brings the set back to its strength. */
const losses = {
  async killed() {
    const primary = await set.primary();
    await primary.kill();
    return async () => {
      await set.primary();
      await primary.restart();
    };
  },
  async "stepped down"() {
    await set.stepDown();
    return async () => {};
  },
};

describe.each(Object.entries(losses))("a primary that is %s", (_name, lose) => {
  it.each([
    // The second large value is a run's, the fourth record that of its first finished task.
    ["between values and commit", { at: "after parts", nth: 2 }],
    ["between commit and answer", { at: "after append", nth: 4 }],
  ])("%s", { timeout: 180_000 }, async (_when, where) => {
    const server = await FaultyServer.start(mongoStore(set.uri), { ...where, act: "hold" });
    try {
      const witness = new Witness(server, server.client());
      const told = witness.watch(story(server.folder, server.client(OTHER_SPACE)));
      await Promise.race([server.held, told.then(() => expect.fail("the fault was never met"))]);
      const recover = await lose();
      server.release();
      await Promise.all([told, recover()]);
      expect(server.deaths).toBe(0);
      const ids = await withStore(server.store, auditThreads);
      expect([...ids.keys()].toSorted()).toEqual([COPIED, FLOW, KEPT, MOVED, PRUNED, UPLOADED].toSorted());
    } finally {
      await server.end();
    }
  });
});
