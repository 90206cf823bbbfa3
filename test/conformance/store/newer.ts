import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CheckpointKeySchema, GraphRecordSchema, RecordSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { GraphSpecSchema } from "../../../src/gen/cairn/v1/graph_pb.ts";
import type { Log, Row, ThreadKey } from "../../../src/store/log.ts";
import { decodeRow, LAYOUT } from "../../../src/store/record-codec.ts";
import { type Context, checkpoint, errorOf, put, reasonOf, write } from "./support.ts";

const NEWER = 99;
const refusal = {
  reasonName: "LAYOUT_TOO_NEW",
  code: 9,
  metadata: { layout: `${NEWER}`, known_layout: `${LAYOUT}` },
};

/** Makes the row at a position one that a newer Cairn wrote. Another row is written for it, as for every rewrite. */
async function makeNewer({ log, store }: Context, key: ThreadKey, n: number): Promise<void> {
  const { thread } = await put(store, key, `beside ${n}`);
  const [row, last] = (await log.gather(key, { positions: [n, thread.n], parts: [], keys: [] })).rows as [Row, Row];
  const body = toBinary(RecordSchema, { ...decodeRow(key, row), layout: NEWER });
  const next = { ...last, n: thread.n + 1, attempt: "newer", checkpoint: undefined, keys: [] };
  const summary = { n: next.n, deleted: false, createdAtMs: 1, status: 1, body: new Uint8Array() };
  await log.append({ key, row: next, rewrites: [{ ...row, layout: NEWER, body }], summary });
}

async function bodies(log: Log, key: ThreadKey): Promise<string[]> {
  return (await log.after(key, 0, 100)).map(({ n, body }) => `${n} ${Buffer.from(body).toString("hex")}`);
}

/** What a newer Cairn has written is neither misread nor touched, nor is anything put behind it. */
export function newer(context: () => Context): void {
  describe("records of a newer layout", () => {
    test("at a thread's end refuse every writer", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      const { thread, record } = await put(store, key, "a", { runId: "r" });
      const body = toBinary(RecordSchema, { ...record, layout: NEWER });
      const row = {
        ...((await log.last(key)) as Row),
        n: 2,
        attempt: "newer",
        checkpoint: undefined,
        keys: [],
        layout: NEWER,
        body,
      };
      const summary = { n: 2, deleted: false, createdAtMs: 1, status: 1, body: new Uint8Array() };
      await log.append({ key, row, rewrites: [], summary });
      const before = await bodies(log, key);
      const lost = { namespace: "", checkpointId: "a" };
      const writers: (() => Promise<unknown>)[] = [
        () => put(store, key, "b"),
        () => put(store, key, "a"),
        () => store.update(key, async () => ({ writes: [{ ...lost, writes: [write("t", 0, "w")] }] })),
        () => store.update(key, async () => ({ clearedWrites: [create(CheckpointKeySchema, lost)] })),
        // The holder of a lease, who believes that nothing has come since.
        () => store.append(key, thread, { checkpoint: checkpoint("c"), hasFreshId: true }),
        () => store.deleteRuns(space, ["r"], () => {}),
        () => store.deleteThread(key),
        () => store.deleteSpace(space),
      ];
      for (const writer of writers) expect(await errorOf(writer())).toMatchObject(refusal);
      expect(await bodies(log, key)).toEqual(before);
    });

    test("within a thread are neither replaced nor rewritten", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { runId: "r1" });
      await put(store, key, "b", { runId: "r2" });
      await makeNewer(context(), key, 2);
      const before = await bodies(log, key);
      expect(await errorOf(put(store, key, "b"))).toMatchObject(refusal);
      expect(await errorOf(store.deleteRuns(space, ["r2"], () => {}))).toMatchObject(refusal);
      // It may refer to values of the one that is to be deleted.
      expect(await errorOf(store.deleteRuns(space, ["r1"], () => {}))).toMatchObject(refusal);
      expect(await bodies(log, key)).toEqual(before);
      // The end can be read, so the thread goes on.
      expect(await reasonOf(put(store, key, "b", {}, { onConflict: "fail" }))).toBe("CHECKPOINT_EXISTS");
      await put(store, key, "c");
    });

    test("of graphs are refused, and no revision follows them", async () => {
      const { store, log, space } = context();
      const graph = create(GraphRecordSchema, {
        layout: NEWER,
        spec: create(GraphSpecSchema, { name: "g" }),
        hash: "h",
      });
      await log.putGraph(space, {
        name: "g",
        hash: "h",
        revision: 1,
        layout: NEWER,
        body: toBinary(GraphRecordSchema, graph),
      });
      expect(await errorOf(store.getGraph(space, "g"))).toMatchObject(refusal);
      expect(await errorOf(store.listGraphs(space, 10, ""))).toMatchObject(refusal);
      expect(await errorOf(store.putGraph(space, { ...graph, hash: "h2" }))).toMatchObject(refusal);
      expect((await log.getGraph(space, "g"))?.revision).toBe(1);
    });
  });
}
