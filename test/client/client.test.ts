// The TypeScript client against the server itself.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { byId, CairnClient, type ThreadEvent } from "../../clients/typescript/src/index.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";

const desk = readFileSync(join(import.meta.dirname, "../command/desk.yaml"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "cairn-client-"));

let server: RunningServer;
let client: CairnClient;
beforeAll(async () => {
  server = await startServer({ store: { folder }, listen: "127.0.0.1:0", logLevel: "warn" });
  client = CairnClient.connect({ address: server.address });
  await client.graphs.register(desk);
});
afterAll(async () => {
  client?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("a thread", () => {
  test("runs, asks, is answered, is done; its history and events tell it", async () => {
    const thread = client.thread("t1");
    const asked = await thread.run({ question: "Where?" }, { graph: "desk", metadata: { user: "ada" } });
    expect(asked.status).toBe("interrupted");
    expect(asked.interrupts).toMatchObject([{ node: "check", value: { draft: "Re: Where?" } }]);
    const [{ id = "" } = {}] = asked.interrupts;
    const done = await thread.resume(byId({ [id]: true }));
    expect(done).toMatchObject({ status: "done", state: { next: [], values: { approved: true } } });

    const states = await all(thread.history({ pageSize: 2 }));
    expect(states.map(({ step }) => step)).toEqual([3, 2, 1, 0, -1].slice(-states.length));
    expect(states[0]?.values).toEqual(done.state.values);

    const events = await all(thread.events({ after: 0, untilNow: true }));
    expect(events.at(-1)?.number).toBe(done.lastEventNumber);
    const saved = events.findLast((event) => event.type === "checkpoint_saved");
    expect(saved?.type === "checkpoint_saved" && saved.values).toEqual(done.state.values);
  });

  test("a retry with the same request_id gets the first answer", async () => {
    const thread = client.thread("t2");
    const options = { graph: "desk", requestId: "turn-1" };
    const first = await thread.run({ question: "Once?" }, options);
    const again = await thread.run({ question: "Once?" }, options);
    expect(again.state.checkpointId).toBe(first.state.checkpointId);
    expect(again.runId).toBe(first.runId);
    await expect(thread.run({ question: "Twice?" }, options)).rejects.toMatchObject({ reason: "REQUEST_ID_REUSED" });
  });

  test("values come back as they went in", async () => {
    const question = {
      big: 2n ** 64n - 1n,
      n: 2 ** 53 - 1,
      bytes: Uint8Array.of(0, 255),
      minus: -0,
      text: "é",
      none: null,
    };
    for (const encoding of ["msgpack", "json"] as const) {
      const { bytes, ...json } = question;
      const sent = encoding === "json" ? json : { ...json, bytes };
      const options = { graph: "desk", interruptBefore: ["*"], encoding };
      const { state, status } = await client.thread(`values-${encoding}`).run({ question: sent }, options);
      expect(status).toBe("paused");
      expect(state.values.question).toStrictEqual(sent);
    }
  });

  test("forks: the past is the head again, and stays in the history", async () => {
    const thread = client.thread("t3");
    const first = await thread.run({ question: "Where?" }, { graph: "desk" });
    await thread.resume(true);
    const forked = await thread.fork(first.state.checkpointId, { draft: "By air." }, { asNode: "write" });
    expect(forked).toMatchObject({ parentId: first.state.checkpointId, next: ["check"] });
    const asked = await thread.run();
    expect(asked.interrupts).toMatchObject([{ value: { draft: "By air." } }]);
  });

  test("refusals name their reason", async () => {
    const thread = client.thread("t4");
    await expect(thread.run({}, { graph: "nope" })).rejects.toMatchObject({ reason: "GRAPH_NOT_FOUND" });
    await expect(thread.run(undefined, { graph: "desk" })).rejects.toMatchObject({ reason: "EMPTY_INPUT" });
    await expect(thread.state()).rejects.toMatchObject({ codeName: "NOT_FOUND" });
    await expect(all(client.thread("nobody").events())).rejects.toMatchObject({ reason: "THREAD_NOT_FOUND" });
    const ahead = all(client.thread("t1").events({ after: 2n ** 40n }));
    await expect(ahead).rejects.toMatchObject({ reason: "EVENTS_AHEAD" });
  });

  test("events arrive while it happens", async () => {
    const thread = client.thread("t5");
    await thread.ensure({ user: "bob" });
    const seen: ThreadEvent["type"][] = [];
    const following = (async () => {
      for await (const event of thread.events({ after: 0, untilStop: true })) seen.push(event.type);
    })();
    await thread.run({ question: "Now?" }, { graph: "desk" });
    await following;
    expect(seen).toEqual(expect.arrayContaining(["run_started", "task_finished", "interrupt_raised"]));
    expect(seen.at(-1)).toBe("run_stopped");
  });

  test("is copied, pruned and given a time to live", async () => {
    const thread = client.thread("kept");
    await thread.run({ question: "Where?" }, { graph: "desk" });
    const copy = await thread.copy("copy");
    expect(copy.id).toBe("copy");
    const before = await all(copy.history());
    expect(await thread.prune({ keep: 1, olderThan: new Date(Date.now() - 60_000) })).toBe(0);
    expect(await thread.prune({ keep: 1 })).toBe(before.length - 1);
    expect(await all(thread.history())).toMatchObject([{ checkpointId: before[0]?.checkpointId }]);
    expect((await thread.resume(true)).status).toBe("done");
    expect(await all(copy.history())).toEqual(before);
    expect((await copy.setTtl(90_000)).ttlMs).toBe(90_000);
    expect((await copy.info()).ttlMs).toBe(90_000);
    expect((await copy.setTtl(undefined)).ttlMs).toBeUndefined();
    expect((await client.threads.create({ ttlMs: 3_600_000 })).ttlMs).toBe(3_600_000);
  });

  test("is listed by its metadata and deleted", async () => {
    const thread = client.thread("t6");
    expect([await thread.ensure({ user: "eve", n: 1 }), await thread.ensure()]).toEqual([true, false]);
    const ids = async () => (await all(client.threads.list({ metadata: { user: "eve" } }))).map(({ id }) => id);
    await expect.poll(ids).toEqual(["t6"]);
    expect([await thread.delete(), await thread.delete()]).toEqual([true, false]);
    await expect.poll(ids).toEqual([]);
  });
});

test("spaces are worlds of their own", async () => {
  const other = CairnClient.connect({ address: server.address, space: "other" });
  try {
    expect(await all(other.graphs.list())).toEqual([]);
    await expect(other.thread("t1").state()).rejects.toMatchObject({ codeName: "NOT_FOUND" });
  } finally {
    other.close();
  }
});
