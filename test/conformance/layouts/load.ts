// Puts a fixture's rows into a store as they are.
import type { Log } from "../../../src/store/log.ts";
import { decodeRow } from "../../../src/store/record-codec.ts";
import { summaryOf } from "../../../src/store/thread-record.ts";
import type { Fixture, StoredRow } from "./fixture.ts";
import { SPACE } from "./reading.ts";

/** MongoDB removes rows by its own clock, whatever the test's says. */
const NEVER_MS = Date.UTC(2100, 0);

export async function load(log: Log, fixture: Fixture): Promise<void> {
  for (const { body, ...graph } of fixture.graphs) {
    await log.putGraph(SPACE, { ...graph, body: bytesOf(body) });
  }
  for (const [thread, rows] of Map.groupBy(fixture.rows, (stored) => stored.thread)) {
    await loadParts(log, fixture, thread, 0);
    for (const { row } of rows) await loadRow(log, fixture, thread, row, row === rows[0]?.row);
  }
}

async function loadRow(log: Log, fixture: Fixture, thread: string, stored: StoredRow, isFirst: boolean): Promise<void> {
  const key = { space: SPACE, thread };
  const { expiresAtMs, ...fields } = stored;
  const row = {
    ...fields,
    body: bytesOf(stored.body),
    ...(expiresAtMs !== undefined && { expiresAtMs: NEVER_MS }),
  };
  const summary = summaryOf(key, row.n, decodeRow(key, row), isFirst);
  if ((await log.append({ key, row, rewrites: [], summary })) !== "appended") throw new Error("the store is not empty");
  await loadParts(log, fixture, thread, row.n);
}

/** Parts note the position after which they were written. */
async function loadParts(log: Log, { parts }: Fixture, thread: string, after: number): Promise<void> {
  const written = parts.filter((part) => part.thread === thread && part.after === after);
  for (const [upload, own] of Map.groupBy(written, (part) => part.upload)) {
    const inOrder = own.toSorted((one, other) => one.part - other.part);
    const data = inOrder.map((part) => bytesOf(part.data));
    await log.putParts({ space: SPACE, thread }, upload, data);
  }
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}
