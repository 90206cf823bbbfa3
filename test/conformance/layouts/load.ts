// Puts a fixture's rows into a store as they are.
import type { Log, ThreadKey } from "../../../src/store/log.ts";
import { decodeRow } from "../../../src/store/record-codec.ts";
import { summaryOf } from "../../../src/store/thread-record.ts";
import type { Fixture, StoredRow } from "./fixture.ts";
import { SPACE } from "./reading.ts";

/** MongoDB removes rows by its own clock, whatever the test's says. */
const NEVER_MS = Date.UTC(2100, 0);

export async function load(log: Log, fixture: Fixture, space = SPACE): Promise<void> {
  for (const { body, ...graph } of fixture.graphs) {
    await log.putGraph(space, { ...graph, layout: fixture.layout, body: bytesOf(body) });
  }
  for (const [thread, rows] of Map.groupBy(fixture.rows, (stored) => stored.thread)) {
    const key = { space, thread };
    await loadParts(log, fixture, key, 0);
    for (const { row } of rows) await loadRow(log, fixture, key, row, row === rows[0]?.row);
  }
}

async function loadRow(log: Log, fixture: Fixture, key: ThreadKey, stored: StoredRow, isFirst: boolean): Promise<void> {
  const { expiresAtMs, ...fields } = stored;
  const row = {
    ...fields,
    layout: fixture.layout,
    body: bytesOf(stored.body),
    ...(expiresAtMs !== undefined && { expiresAtMs: NEVER_MS }),
  };
  const summary = summaryOf(key, row.n, decodeRow(key, row), isFirst);
  if ((await log.append({ key, row, rewrites: [], summary })) !== "appended") throw new Error("the store is not empty");
  await loadParts(log, fixture, key, row.n);
}

/** Parts note the position after which they were written. */
async function loadParts(log: Log, { parts }: Fixture, key: ThreadKey, after: number): Promise<void> {
  const written = parts.filter((part) => part.thread === key.thread && part.after === after);
  for (const [upload, own] of Map.groupBy(written, (part) => part.upload)) {
    const inOrder = own.toSorted((one, other) => one.part - other.part);
    const data = inOrder.map((part) => bytesOf(part.data));
    await log.putParts(key, { upload, parts: data, from: inOrder[0]?.part });
  }
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}
