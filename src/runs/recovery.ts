import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import type { RunParts } from "./parts.ts";
import type { Runner } from "./runner.ts";

/** How often to look for runs that wait and whose server has gone away. */
const everyMs = 5_000;

/** Threads in a page of those that are busy. */
const pageSize = 200;

/** So many runs of this server leave no room for those of others. */
const activeRunsMax = 64;

/**
 * Goes on with runs that no caller waits for and that no server drives: those that waited for their turn, and those for
 * the background whose server went away. The returned function ends it.
 */
export function recoverRuns(parts: RunParts, runner: Runner): () => void {
  const { clock } = parts.environment;
  let isOver = false;
  let stopTimer = (): void => {};
  const look = async (): Promise<void> => {
    try {
      await goOnWithAll(parts, runner, () => isOver || runner.activeRuns >= activeRunsMax);
    } catch (err) {
      if (!isOver) parts.log.warn({ err }, "could not look for runs to go on with");
    }
    if (!isOver) stopTimer = clock.after(everyMs, look);
  };
  void look();
  return () => {
    isOver = true;
    stopTimer();
  };
}

async function goOnWithAll(parts: RunParts, runner: Runner, isEnough: () => boolean): Promise<void> {
  const { store } = parts;
  const spaces = pages((token) => store.listSpaces(pageSize, token).then((page) => [page.spaces, page.nextPageToken]));
  for await (const space of spaces) {
    const query = { status: ThreadStatus.BUSY, filters: [], pageSize };
    const busy = pages((pageToken) =>
      store.listThreads(space, { ...query, pageToken }).then((page) => [page.threads, page.nextPageToken]),
    );
    for await (const { id: thread } of busy) {
      if (isEnough()) return;
      await runner.goOnWith({ space, thread });
    }
  }
}

async function* pages<Item>(read: (token: string) => Promise<[Item[], string]>): AsyncGenerator<Item> {
  let token = "";
  do {
    const [items, next] = await read(token);
    yield* items;
    token = next;
  } while (token !== "");
}
