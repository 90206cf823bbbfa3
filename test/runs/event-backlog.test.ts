// Readers that don't take what is there slow only themselves, and the server keeps nothing for them that grows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { proto, Thread } from "../../clients/typescript/src/index.ts";
import { residentMb } from "../bench/served.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf } from "./support/bench.ts";
import { durable, hear } from "./support/hearing.ts";

describe.each(storeKinds)("a reader that takes nothing, on %s,", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  /** A stream of which nothing is taken but the first event. */
  async function stuck(thread: Thread): Promise<AsyncIterator<proto.StreamEventsResponse>> {
    const request = { threadId: thread.id, after: 0n };
    const stream = bench.client.services.runs.streamEvents(request)[Symbol.asyncIterator]();
    await stream.next();
    return stream;
  }

  /** What is left of it, up to an event. */
  async function rest(stream: AsyncIterator<proto.StreamEventsResponse>, last: bigint): Promise<proto.Event[]> {
    const events: proto.Event[] = [];
    while (events.at(-1)?.number !== last || events.at(-1)?.ephemeral !== undefined) {
      const { value, done } = await stream.next();
      if (done) break;
      if (value.event) events.push(value.event);
    }
    await stream.return?.();
    return events;
  }

  it("holds up neither the run nor other readers, and gets every durable event when it goes on", async () => {
    // Events of some 3 KB, so that the network can't take all of them in advance.
    const wide = Array.from({ length: 60 }, (_, i) => [`one_of_many_channels_${i}`, "add"]);
    const graph = await bench.graph({
      channels: { n: "add", ...Object.fromEntries(wide) },
      nodes: { a: { expression: { update: { n: "1" } } } },
      edges: ["START -> a"],
      branches: [{ from: "a", cel: 'state.n < 100 ? "a" : "__end__"' }],
    });
    const thread = bench.thread();
    await thread.step(Object.fromEntries(wide.map(([name]) => [name, 1])), { graph });
    const streams = await Promise.all(Array.from({ length: 6 }, () => stuck(thread)));
    const before = await eventsOf(thread);
    const other = hear(thread, { after: before.at(-1)?.number, untilStop: true });
    await thread.run(undefined, { recursionLimit: 200 });
    await other.done;
    const all = await eventsOf(thread);
    const numbersOf = (events: { number: bigint }[]) => events.map(({ number }) => number);
    expect(numbersOf(durable(other.events))).toEqual(numbersOf(all.slice(before.length)));
    for (const stream of streams) {
      const events = await rest(stream, all.at(-1)?.number ?? 0n);
      expect(numbersOf(events.filter(({ ephemeral }) => !ephemeral))).toEqual(numbersOf(all.slice(1)));
    }
  });

  it("costs the server no memory that grows with what is told", async () => {
    const pid = bench.pid ?? 0;
    const [count, bytes] = [24_000, 32 * 1024];
    const flood = (params: object) =>
      bench.graph({
        channels: { log: "append" },
        nodes: { node: bench.node("floods", { bytes, ...params }) },
        edges: ["START -> node"],
      });
    const thread = bench.thread();
    await thread.ensure();
    // Until the heap has the size that it takes with a reader that keeps up.
    const keepsUp = hear(thread, { after: 0, untilStop: true, values: false });
    await thread.run({}, { graph: await flood({ count: count / 4 }) });
    await keepsUp.done;
    const before = residentMb(pid);
    const streams = await Promise.all(Array.from({ length: 6 }, () => stuck(thread)));
    await thread.run({}, { graph: await flood({ count }) });
    const grown = residentMb(pid) - before;
    const told = (count * bytes) / 1e6;
    expect(grown).toBeLessThan(told / 2);
    const last = (await thread.info()).lastEventNumber;
    for (const stream of streams) {
      const events = await rest(stream, last);
      expect(events.at(-1)?.body.case).toBe("runStopped");
      expect(events.length).toBeLessThan(count / 4);
    }
  });
});
