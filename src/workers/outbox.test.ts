import { expect, test } from "vitest";
import { Outbox } from "./outbox.ts";
import { workerTerms } from "./terms.ts";

/** An outbox whose timer rings when told to. */
function quietOutbox() {
  let ring: (() => void) | undefined;
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after: (_: number, callback: () => void) => {
      ring = callback;
      return () => {
        ring = undefined;
      };
    },
  };
  return { outbox: new Outbox(clock), ring: () => ring?.(), isWaiting: () => ring !== undefined };
}

const lease = (taskId: string) => ({ threadId: "t", taskId, epoch: 1n });

/** The rest of a stream that ends: each message, and what it acknowledges. */
async function told(outbox: Outbox): Promise<[string | undefined, string[]][]> {
  outbox.end();
  const all: [string | undefined, string[]][] = [];
  for await (const { message, acked } of outbox) all.push([message.case, acked.map(({ taskId }) => taskId)]);
  return all;
}

test("acknowledgements ride with the next message", async () => {
  const { outbox, isWaiting } = quietOutbox();
  outbox.ack(lease("a"));
  outbox.ack(lease("b"));
  expect(isWaiting()).toBe(true);
  outbox.send({ case: "cancel", value: {} });
  const first = await outbox[Symbol.asyncIterator]().next();
  expect(first.value).toMatchObject({ message: { case: "cancel" }, acked: [{ taskId: "a" }, { taskId: "b" }] });
  expect(isWaiting()).toBe(false);
});

test("acknowledgements that nothing follows go alone", async () => {
  const { outbox, ring } = quietOutbox();
  outbox.ack(lease("a"));
  ring();
  const { value } = await outbox[Symbol.asyncIterator]().next();
  expect(value).toMatchObject({ message: { case: undefined }, acked: [{ taskId: "a" }] });
});

test("a stream that ends well acknowledges first, and nothing afterwards", async () => {
  const { outbox } = quietOutbox();
  outbox.ack(lease("a"));
  expect(await told(outbox)).toEqual([[undefined, ["a"]]]);
  outbox.ack(lease("late"));
  expect(await told(outbox)).toEqual([]);
});

test("no message has more acknowledgements than the terms say", async () => {
  const { outbox } = quietOutbox();
  const names = Array.from({ length: 2 * workerTerms.acksAtOnce + 1 }, (_, index) => `${index}`);
  for (const name of names) outbox.ack(lease(name));
  const all = await told(outbox);
  expect(all.flatMap(([, acked]) => acked)).toEqual(names);
  for (const [, acked] of all) expect(acked.length).toBeLessThanOrEqual(workerTerms.acksAtOnce);
});
