// Sends a server everything there is, many calls at once, and says what came of it.
import fc from "fast-check";
import { isSoak } from "../support/size-and-seed.ts";
import { expensiveStories, stories } from "./generate.ts";
import { Pools } from "./pools.ts";
import { Sender } from "./sender.ts";
import { type Memory, WatchedServer } from "./server.ts";
import { visits } from "./sockets.ts";
import { keeping, type Story } from "./stories.ts";
import { Tally } from "./tally.ts";

export interface Plan {
  /** What `cairn serve` is told. */
  args: string[];
  requests: number;
  seed: number;
}

export interface Report {
  tally: Tally;
  /** Health calls that were answered meanwhile. */
  answers: number;
  /** After a third of the requests, and at the end. */
  memory: { warm: Memory; end: Memory };
  /** What the server said of itself; nothing is right. */
  complaints: string[];
  /** Its exit code after SIGTERM. */
  exit: unknown;
}

/** Calls under way at a time. */
const lanes = 48;
/** Stories made at a time: they draw on what was answered before. */
const batch = 200;

export async function fuzz({ args, requests, seed }: Plan): Promise<Report> {
  const tally = new Tally();
  const pools = new Pools();
  const server = await WatchedServer.start(args);
  const sender = new Sender(server.address, tally, pools);
  let isStuck = false;
  const stopWatching = server.watch(tally, () => {
    isStuck = true;
    tally.fail(`calls under way: ${sender.flying.join(", ")}`);
    // Or nobody would get an answer any more.
    void server.kill();
  });
  const goesOn = (until: number) => () => tally.sent < until && !isStuck && server.isAlive;
  const usual = endless(stories(pools), seed);
  const costly = endless(expensiveStories(pools), seed);
  const callers = endless(visits, seed);
  const until = async (count: number) => {
    const going = goesOn(count);
    const calling = Array.from({ length: lanes }, () => lane(usual, going, (story) => story((r) => sender.send(r))));
    // Few of these: each takes as long as it may.
    const costs = several(costly, (count - tally.sent) / 400, going, (story: Story) => story((r) => sender.send(r)));
    const calls = several(callers, visitsOf(count - tally.sent), going, (visit) => visit(server.address));
    await Promise.all([...calling, costs, calls]);
    return await server.memory();
  };
  try {
    const warm = await until(requests / 3);
    const end = await until(requests);
    // It still answers, and something is left to be read.
    await keeping({ threadId: "last", deletes: false }, "last")((request) => sender.send(request));
    const answers = await stopWatching();
    const exit = await server.stop();
    return { tally, answers, memory: { warm, end }, complaints: server.complaints, exit };
  } finally {
    isStuck = true;
    sender.close();
    if (server.isAlive) await server.kill();
  }
}

/**
 * Raw connections for so many requests. Only in a soak: once in some 100,000 requests Node's own HTTP/2 aborts the
 * process over one of them (`current_nghttp2_memory_`, as in nodejs/node#39951), which nothing here can prevent.
 */
const visitsOf = (requests: number) => (isSoak ? requests / 100 : 0);

async function lane<Item>(source: Iterator<Item>, goesOn: () => boolean, act: (item: Item) => Promise<unknown>) {
  while (goesOn()) await act(source.next().value as Item);
}

async function several<Item>(
  source: Iterator<Item>,
  count: number,
  goesOn: () => boolean,
  act: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < count && goesOn(); i++) await act(source.next().value as Item);
}

function* endless<Item>(arbitrary: fc.Arbitrary<Item>, seed: number): Generator<Item> {
  for (let i = 0; ; i++) yield* fc.sample(arbitrary, { numRuns: batch, seed: seed + i });
}
