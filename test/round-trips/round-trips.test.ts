// Checkpoints of every origin, generated in the origin's own form: put through the API and read back they are the same.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Converted } from "../../src/origins/document.ts";
import { fromJuncture, type JunctureTuple, toJuncture } from "../../src/origins/juncture.ts";
import { type Dumped, fromLanggraph, type LanggraphTuple, toLanggraph } from "../../src/origins/langgraph.ts";
import { fromNeograph, toNeograph } from "../../src/origins/neograph.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { Caller } from "../api/harness.ts";
import { isSoak, seed } from "../support/size-and-seed.ts";
import { mongoStore, newStore, storeKinds, type TestStore } from "../support/stores.ts";
import { anyId } from "./json.ts";
import * as juncture from "./juncture.ts";
import * as langgraph from "./langgraph.ts";
import * as neograph from "./neograph.ts";
import { comparable } from "./same.ts";
import { through } from "./through.ts";

/** Of each origin on each store; a hundred thousand in all with CAIRN_SOAK=1. CAIRN_SEED repeats a run. */
const CASES = isSoak ? 17_000 : 300;

describe.each(storeKinds)("round trips on %s", (kind) => {
  let store: TestStore;
  let server: RunningServer;
  beforeAll(async () => {
    store = kind === "mongodb" ? mongoStore(inject("mongoUri")) : await newStore(kind);
    server = await startServer({ listen: "127.0.0.1:0", logLevel: "error", store: store.location });
  });
  afterAll(async () => {
    await server?.stop();
    await store?.remove();
  });

  let threads = 0;
  /** A thread of its own for each case: another's writes would be met under the same ids. */
  const onThread = <Case>(make: (threadId: string) => fc.Arbitrary<Case>) =>
    anyId.chain((id) => make(`${id} ${++threads}`));

  async function holds<Case>(
    origin: string,
    cases: fc.Arbitrary<Case>,
    from: (given: Case) => Converted,
    same: (back: Converted, given: Case) => void,
  ): Promise<void> {
    console.info(`${origin} on ${kind}: seed ${seed} (CAIRN_SEED=${seed} repeats it), ${CASES} checkpoints`);
    const caller = new Caller(server.address);
    const property = fc.asyncProperty(cases, async (given) => {
      const converted = from(given);
      same(converted, given);
      same(await through(caller, from(given)), given);
    });
    // Not shrunk: a smaller case would meet the writes of the larger one on its thread.
    await fc.assert(property, { numRuns: CASES, seed, endOnFailure: true });
  }

  const timeout = isSoak ? 4 * 3_600_000 : 180_000;

  test("NeoGraph's come back as they were", { timeout }, async () => {
    const cases = onThread((threadId) => fc.tuple(neograph.checkpoint(threadId), neograph.records));
    await holds(
      "NeoGraph",
      cases,
      ([json, writes]) => fromNeograph(json, writes),
      (back, [json, writes]) => {
        const found = toNeograph(back);
        expect(comparable(found.json, neograph.checkpointShape)).toBe(comparable(json, neograph.checkpointShape));
        expect(found.writes.map(textOf)).toEqual(writes.map(textOf));
      },
    );
  });

  test("juncture's come back as they were", { timeout }, async () => {
    await holds("juncture", onThread(juncture.tuple), fromJuncture, (back, given) => {
      const told = ({ checkpoint, metadata, writes, ...config }: JunctureTuple) => ({
        ...config,
        checkpoint: comparable(checkpoint, juncture.checkpointShape),
        metadata: metadata && textOf(metadata),
        writes: writes.map((write) => comparable(write, juncture.writeShape)),
      });
      expect(told(toJuncture(back))).toEqual(told(given));
    });
  });

  test("LangGraph's come back as they were", { timeout }, async () => {
    await holds("LangGraph", onThread(langgraph.tuple), fromLanggraph, (back, given) => {
      const dumped = ({ type, data }: Dumped) => `${type} ${Buffer.from(data).toString("hex")}`;
      const told = ({ checkpoint, metadata, channelValues, writes, ...config }: LanggraphTuple) => ({
        ...config,
        checkpoint: comparable(checkpoint, langgraph.checkpointShape),
        metadata: metadata && textOf(metadata),
        values: Object.keys(channelValues)
          .sort()
          .map((channel) => [channel, dumped(channelValues[channel] as Dumped)]),
        writes: writes.map(({ value, ...write }) => ({ ...write, value: dumped(value) })),
      });
      expect(told(toLanggraph(back))).toEqual(told(given));
    });
  });
});

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
