// What reading costs: calls to the log, and on MongoDB the commands they become.

import type { Value } from "../../../src/gen/cairn/v1/value_pb.ts";
import type { Log } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { ReadOptions, ThreadKey } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { Holder, inline, nextStep } from "./steps.ts";

const HISTORY = 300;
const REPEATS = 30;
const FULL: ReadOptions = { view: "full" };

/** Prints the cost of each read of a thread with a history. `commands` counts and forgets what MongoDB was sent. */
export async function costOfReads(title: string, log: Log, commands?: () => unknown[]): Promise<void> {
  const { counted, calls } = counting(log);
  const store = new LogStore(counted, systemEnvironment);
  const key: ThreadKey = { space: "bench", thread: "reads" };
  const holder = new Holder(store, key.thread);
  for (let step = 0; step < HISTORY; step++) await holder.step();
  const large: ThreadKey = { space: "bench", thread: "reads of a large value" };
  const first = nextStep(undefined);
  if (first.checkpoint) first.checkpoint.channelValues.large = inline(new Uint8Array(3 * 1024 * 1024));
  const put = await store.update(large, async () => first);
  // The value is an older checkpoint's: its record has to be read before its parts.
  const second = nextStep(put);
  if (second.checkpoint && put?.record.checkpoint) {
    second.checkpoint.channelValues.large = put.record.checkpoint.channelValues.large as Value;
  }
  await store.update(large, async () => second);
  const list = { thread: key.thread, namespace: "", filters: [], order: "seq", pageToken: "" } as const;
  const middle = await store.listCheckpoints("bench", { ...list, filters: [], pageSize: 150 }, { view: "refs" });
  const id = middle.entries.at(-1)?.checkpoint.id ?? "";
  const page = { ...list, filters: [], pageSize: 50 };
  const reads: [name: string, read: () => Promise<unknown>][] = [
    ["GetCheckpoint, the latest", () => store.getCheckpoint(key, "", { latestBy: "seq" }, FULL)],
    ["GetCheckpoint, references only", () => store.getCheckpoint(key, "", { latestBy: "seq" }, { view: "refs" })],
    ["GetCheckpoint, by id", () => store.getCheckpoint(key, "", { id }, FULL)],
    ["GetCheckpoint, with a value of 3 MiB", () => store.getCheckpoint(large, "", { latestBy: "seq" }, FULL)],
    ["ListCheckpoints, a page of 50", () => store.listCheckpoints("bench", page, FULL)],
    ["  of the ancestors of the 150th", () => store.listCheckpoints("bench", { ...page, ancestorsOf: id }, FULL)],
  ];
  console.log(`\n${title}: reads of a thread of ${HISTORY} checkpoints`);
  console.log(`${"".padEnd(44)}  log calls  commands   p50 ms`);
  for (const [name, read] of reads) {
    await read();
    calls.length = 0;
    commands?.();
    await read();
    const called = [...calls];
    const counts = [`${called.length}`, commands ? `${commands().length}` : "–"];
    const cells = counts.map((count) => count.padStart(10)).join(" ");
    console.log(`${name.padEnd(44)} ${cells} ${(await medianOf(read)).toFixed(2).padStart(8)}   ${called.join(", ")}`);
  }
}

async function medianOf(read: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let count = 0; count < REPEATS; count++) {
    const began = performance.now();
    await read();
    taken.push(performance.now() - began);
  }
  return taken.sort((one, other) => one - other)[REPEATS / 2] ?? 0;
}

/** The same log, noting which methods are called. */
function counting(log: Log): { counted: Log; calls: string[] } {
  const calls: string[] = [];
  const counted = new Proxy(log, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        calls.push(String(name));
        return Reflect.apply(member, target, given);
      };
    },
  });
  return { counted, calls };
}
