import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { EventSchema, WritesPutSchema } from "../gen/cairn/v1/event_pb.ts";
import { systemEnvironment } from "../system/environment.ts";
import { openEmbeddedLog } from "./embedded/embedded-log.ts";
import { readEvents } from "./events.ts";
import { LogStore } from "./log-store.ts";

const note = () => create(EventSchema, { body: { case: "writesPut", value: create(WritesPutSchema, {}) } });

test("rows that are older than the thread's tail are read again, not passed over", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cairn-events-"));
  const log = await openEmbeddedLog(folder, systemEnvironment);
  const store = new LogStore(log, systemEnvironment);
  try {
    const key = { space: "default", thread: "t" };
    for (let n = 0; n < 3; n++) await store.update(key, async () => ({ events: [note()] }));
    const tail = await store.tail(key);
    // What a new primary gives that has not heard yet that a majority has the last row.
    const older = { after: async (...args: Parameters<typeof log.after>) => (await log.after(...args)).slice(0, -1) };
    const page = await readEvents(older, key, tail, { after: 0, recordLimit: 100, kept: 100 });
    expect(page.events.map(({ number }) => number)).toEqual([10_000n, 20_000n]);
    expect(page.next).toBeLessThan(30_000);
    expect(page.last).toBe(30_000);
    const nothing = await readEvents(older, key, tail, {
      after: page.next,
      readTo: page.n,
      recordLimit: 100,
      kept: 100,
    });
    expect(nothing).toEqual({ events: [], next: page.next, n: 2, last: 30_000 });
    const rest = await readEvents(log, key, tail, { after: page.next, readTo: page.n, recordLimit: 100, kept: 100 });
    expect(rest).toMatchObject({ events: [{ number: 30_000n }], next: 30_000, last: 30_000 });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
