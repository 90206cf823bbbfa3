import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { StoredValue } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { type Checkpoint, DeltaCountersSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { VersionMapSchema, VersionsSeenSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { type Context, latest, put, textOf } from "./support.ts";
import { wideVersions } from "./wide-versions.ts";

export function checkpointVersions(context: () => Context): void {
  describe("versions of a checkpoint", () => {
    test("cost what of them changes, and come back whole", async () => {
      const { store, other, log, space } = context();
      const key = { space, thread: "t" };
      const stored: number[] = [];
      for (let step = 0; step < 80; step++) {
        const fields = { ...wideVersions(step), values: { step: `${step}` } };
        // Another server goes on in between, as it sometimes does.
        const { record } = await put(step % 30 === 29 ? other : store, key, `c${step}`, fields);
        stored.push(record.values.reduce((sum, value) => sum + bytesOf(value), 0));
      }
      expect(stored[0]).toBeGreaterThan(500);
      expect(stored.slice(1).reduce((sum, size) => sum + size, 0) / 79).toBeLessThan(60);
      const rows = await log.after(key, 0, 100);
      expect(Math.max(...rows.slice(1).map(({ body }) => body.length))).toBeLessThan(1_000);
      const page = { thread: "t", namespace: "", filters: [], order: "seq" as const, pageSize: 100, pageToken: "" };
      for (const reader of [store, new LogStore(log, systemEnvironment)]) {
        for (const view of ["full", "refs"] as const) {
          const { entries } = await reader.listCheckpoints(space, page, { view });
          expect(entries.map(({ checkpoint }) => versionsIn(checkpoint))).toEqual(
            entries.map((_, index) => wideVersions(79 - index)),
          );
          // They are none of the checkpoint's values.
          for (const { checkpoint, values } of entries) {
            expect(values.size).toBe(Object.keys(checkpoint.channelValues).length);
          }
        }
      }
    });

    test("come back as they were: null, empty or absent", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const { channelVersions, versionsSeen } = wideVersions(1);
      const isNull = create(VersionMapSchema, { isNull: true });
      const kinds: Pick<Checkpoint, "channelVersions" | "versionsSeen">[] = [
        { channelVersions, versionsSeen: undefined },
        { channelVersions: undefined, versionsSeen },
        { channelVersions: isNull, versionsSeen },
        { channelVersions, versionsSeen: create(VersionsSeenSchema, { isNull: true }) },
        { channelVersions: create(VersionMapSchema), versionsSeen },
        { channelVersions: create(VersionMapSchema), versionsSeen: undefined },
      ];
      for (const [index, kind] of kinds.entries()) {
        await put(store, key, `c${index}`, kind);
        expect(versionsIn((await latest(store, key))?.checkpoint)).toEqual(kind);
      }
    });

    test("stay with a checkpoint that is kept, copied, exported or left without its parent, and go with it", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      for (let step = 0; step < 40; step++) {
        const parentId = step === 0 ? undefined : `c${step - 1}`;
        await put(store, key, `c${step}`, { ...wideVersions(step), parentId, values: { step: `${step}` } });
      }
      // In place of another, whose versions nothing needs then.
      await put(store, key, "c39", { ...wideVersions(50), parentId: "c38", values: { step: "50" } });
      const copied = { space, thread: "copy" };
      await store.copyThread({ from: key, to: copied, request: async () => undefined });
      await store.pruneThread(key, { keep: 2, guard: () => {} });
      const imported = { space, thread: "imported" };
      await store.importThread(
        { space, thread: imported.thread },
        store.exportThread(key, new AbortController().signal),
      );
      for (const each of [key, copied, imported]) {
        const newest = await latest(store, each);
        expect(versionsIn(newest?.checkpoint)).toEqual(wideVersions(50));
        expect(textOf(newest, "step")).toBe("50");
        const before = await store.getCheckpoint(each, "", { id: "c38" }, { view: "full" });
        expect(versionsIn(before?.checkpoint)).toEqual(wideVersions(38));
      }
      const faults: string[] = [];
      for await (const { findings } of store.check({ repair: false, space, signal: new AbortController().signal })) {
        faults.push(...findings.map(({ fault, n }) => `${fault} ${n}`));
      }
      // What was replaced is left to the doctor, in the copy, and was pruned in the others.
      expect(faults.filter((fault) => !fault.startsWith("orphaned-value"))).toEqual([]);
    });

    test("tell a prune whether a checkpoint needs those before it", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const [written, unwritten] = [create(DeltaCountersSchema), create(DeltaCountersSchema)];
      const deltaCounters = { "branch:to:node 3": written, unwritten };
      await put(store, key, "a", { ...wideVersions(1), values: { "branch:to:node 3": "whole" } });
      await put(store, key, "b", { ...wideVersions(2), parentId: "a", deltaCounters });
      await put(store, key, "c", { ...wideVersions(3), parentId: "b", deltaCounters });
      expect(await store.pruneThread(key, { keep: 1, guard: () => {} })).toBe(0);
      await put(store, key, "d", {
        ...wideVersions(4),
        parentId: "c",
        deltaCounters: { unwritten },
      });
      expect(await store.pruneThread(key, { keep: 1, guard: () => {} })).toBe(3);
      expect(versionsIn((await latest(store, key))?.checkpoint)).toEqual(wideVersions(4));
    });
  });
}

function bytesOf({ storage }: StoredValue): number {
  return storage.case === "inline" ? storage.value.length : 0;
}

function versionsIn(checkpoint: Checkpoint | undefined): Pick<Checkpoint, "channelVersions" | "versionsSeen"> {
  return { channelVersions: checkpoint?.channelVersions, versionsSeen: checkpoint?.versionsSeen };
}
