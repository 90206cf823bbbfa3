// What must hold of a store whenever its server has died, read by the store's own contract.
import { expect } from "vitest";
import type { Event } from "../../src/gen/cairn/v1/event_pb.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store, StoredCheckpoint } from "../../src/store/store.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import type { TestStore } from "../support/stores.ts";

const space = "default";
const full = { view: "full" } as const;

/** Opens the store of a server that is gone. */
export async function withStore<Result>(
  { location }: TestStore,
  act: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(location, systemEnvironment);
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}

/**
 * Every checkpoint of every thread is whole: each value is there and has its checksum (or reading it throws), its
 * parent is there, and the head is the one with the highest seq. The store's own look at itself finds nothing. Gives the
 * checkpoints' ids by thread.
 */
export async function auditThreads(store: Store): Promise<Map<string, string[]>> {
  const ids = new Map<string, string[]>();
  for (const [thread, found] of Map.groupBy(await allCheckpoints(store), ({ checkpoint }) => checkpoint.threadId)) {
    const own = found.map(({ checkpoint }) => checkpoint);
    ids.set(
      thread,
      own.map(({ id }) => id),
    );
    for (const { parentId } of own) if (parentId !== undefined) expect(ids.get(thread)).toContain(parentId);
    const highest = own.reduce((one, other) => (other.seq > one.seq ? other : one));
    expect((await store.getThread({ space, thread }))?.headCheckpointId).toBe(highest.id);
  }
  const { signal } = new AbortController();
  for await (const { findings } of store.check({ repair: false, space, signal })) {
    expect(findings).toEqual([]);
  }
  return ids;
}

async function allCheckpoints(store: Store): Promise<StoredCheckpoint[]> {
  const found: StoredCheckpoint[] = [];
  let pageToken = "";
  do {
    const list = { filters: [], order: "seq" as const, pageSize: 100, pageToken };
    const page = await store.listCheckpoints(space, list, full);
    found.push(...page.entries);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

/** A thread's durable events; their numbers increase. Of a thread that does not exist there are none. */
export async function eventsIn(store: Store, thread: string): Promise<Event[]> {
  const key = { space, thread };
  const events: Event[] = [];
  if (!(await store.tail(key)).exists) return events;
  for (let after = 0; ; ) {
    const page = await store.readEvents(key, after, 100);
    events.push(...page.events);
    after = page.next;
    if (after >= page.last) break;
  }
  for (const [index, { number }] of events.entries()) expect(number).toBeGreaterThan(events[index - 1]?.number ?? 0n);
  return events;
}

/** The tasks of the thread's last run whose results are saved, as "RUN TASK". */
export function finishedTasks(events: Event[]): string[] {
  const last = events.findLast(({ body }) => body.case === "runStarted")?.runId;
  return events.flatMap(({ runId, body }) =>
    runId === last && body.case === "taskFinished" ? [`${runId} ${body.value.taskId}`] : [],
  );
}
