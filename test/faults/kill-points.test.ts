// A server is killed before and after each act that makes something durable, and in between; another takes over. The
// clients notice nothing but time.
import { describe, expect, it } from "vitest";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { durablePoints } from "../../src/store/durable.ts";
import { openEmbeddedLog } from "../../src/store/embedded/embedded-log.ts";
import { openMongoLog } from "../../src/store/mongodb/mongodb-log.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { readFixture } from "../conformance/layouts/fixture.ts";
import { load } from "../conformance/layouts/load.ts";
import { historyOf, until } from "../runs/support/bench.ts";
import { isSoak, randomFrom, seed } from "../support/size-and-seed.ts";
import { newStore, type StoreKind, storeKinds, type TestStore } from "../support/stores.ts";
import { type Fault, passName } from "./fault.ts";
import { FaultyServer } from "./faulty-server.ts";
import { COPIED, FLOW, KEPT, MOVED, OTHER_SPACE, PRUNED, story, UPLOADED } from "./story.ts";
import { Witness } from "./witness.ts";

/** Deaths at moments between two acts, besides those at each of them. */
const BETWEEN = isSoak ? 200 : 4;
/** Stories that are told at the same time, each on a store of its own: they mostly wait. */
const LANES = 3;
const HOURS_25 = 25 * 60 * 60 * 1000;

/** What happens a day later only. */
const late = ["remove", "keep-parts", "remove-parts"];
const uploadsSeenTo = [passName("keep-parts", "after"), passName("remove-parts", "after")];

interface Told {
  /** All that can be read at the end, apart from ids and times. */
  outcome: unknown;
  passes: string[];
  deaths: number;
}

/** Tells the story on a new store, with a fault or without. */
async function tell(kind: StoreKind, fault?: Fault): Promise<Told> {
  const store = await newStore(kind);
  await fillWithOldRecords(store);
  const server = await FaultyServer.start(store, fault);
  try {
    const client = server.client();
    const witness = new Witness(server, client);
    await witness.watch(story(server.folder, server.client(OTHER_SPACE)));
    // A day later what was deleted leaves its last traces.
    if (fault === undefined || late.some((point) => fault.at.endsWith(point))) {
      await server.restart(HOURS_25);
      // Who dies in the middle of an act may have done it, and nobody comes by its end any more.
      const isInside = (pass: string) => fault?.delayMs !== undefined && fault.at.split(" ")[1] === pass.split(" ")[1];
      const awaited = uploadsSeenTo.filter((pass) => !isInside(pass));
      const what = `uploads are looked after, with ${JSON.stringify(fault)}`;
      await until(what, () => awaited.every((pass) => server.passes.includes(pass)));
    }
    return { outcome: await outcomeOf(client), passes: server.passes, deaths: server.deaths };
  } finally {
    await server.end();
  }
}

async function outcomeOf(client: CairnClient): Promise<unknown> {
  const states = await historyOf(client.thread(FLOW));
  const kept = await client.checkpoints.listCheckpoints({ threadId: KEPT });
  const copied = await client.checkpoints.listCheckpoints({ threadId: COPIED });
  const moved = await client.checkpoints.listCheckpoints({ threadId: MOVED });
  const pruned = await client.checkpoints.listCheckpoints({ threadId: PRUNED });
  const uploaded = await client.checkpoints.listCheckpoints({ threadId: UPLOADED });
  const threads: unknown[] = [];
  for await (const { id, status, metadata } of client.threads.list()) threads.push([id, status, metadata]);
  const graphs: string[] = [];
  for await (const { name } of client.graphs.list()) graphs.push(name);
  return {
    flow: states.map(({ step, source, values, next }) => ({ step, source, next, ...values, large: undefined })),
    large: states.map(({ values }) => (values.large as string | undefined)?.length),
    kept: kept.entries.map(({ checkpoint, writes }) => [checkpoint?.id, writes.length]),
    sizes: Object.values(kept.tables).map(({ values }) => values.map(({ sizeBytes }) => sizeBytes).toSorted()),
    copied: copied.entries.map(({ checkpoint, writes }) => [checkpoint?.id, writes.length]),
    moved: moved.entries.map(({ checkpoint, writes }) => [checkpoint?.id, writes.length]),
    uploaded: uploaded.entries.map(({ checkpoint }) => checkpoint?.id),
    uploadedBytes: uploaded.tables[UPLOADED]?.values.map(({ value }) => value?.data.length),
    pruned: pruned.entries.map(({ checkpoint }) => checkpoint?.id),
    threads,
    graphs,
    layouts: await layoutsIn(client),
  };
}

/** Records of the first layout, for the story's migration. */
async function fillWithOldRecords({ location }: TestStore): Promise<void> {
  const fixture = readFixture(1);
  const rows = fixture.rows.filter(({ thread }) => thread === "langgraph");
  const log = await ("folder" in location
    ? openEmbeddedLog(location.folder, systemEnvironment)
    : openMongoLog(location, systemEnvironment));
  await load(log, { ...fixture, rows, parts: [] }, "old");
  await log.close();
}

async function layoutsIn(client: CairnClient): Promise<string[]> {
  let layouts: string[] = [];
  for await (const told of client.admin.migrateStore({ dryRun: true })) layouts = Object.keys(told.layouts);
  return layouts;
}

/** For each side of each act one of the times that the server came by; in a soak all of them; then moments in between. */
function faultsAt(passes: string[], random: () => number): Fault[] {
  const counts = new Map([...Map.groupBy(passes, (name) => name)].map(([name, all]) => [name, all.length]));
  const at = [...counts].flatMap(([name, count]): Fault[] => {
    const times = isSoak ? Array.from({ length: count }, (_, i) => i + 1) : [1 + Math.floor(random() * count)];
    return times.map((nth) => ({ at: name, nth, act: "die" }));
  });
  const between = Array.from({ length: BETWEEN }, (): Fault => {
    const [name = "", count = 1] = [...counts][Math.floor(random() * counts.size)] ?? [];
    return { at: name, nth: 1 + Math.floor(random() * count), act: "die", delayMs: 1 + Math.floor(random() * 30) };
  });
  return [...at, ...between];
}

describe.each(storeKinds)("a server that dies, on %s", (kind) => {
  it(`at each durable act, seed ${seed}`, { timeout: isSoak ? 7_200_000 : 600_000 }, async () => {
    const { outcome, passes } = await tell(kind);
    const sides = durablePoints[kind].flatMap((point) => [passName(point, "before"), passName(point, "after")]);
    expect(new Set(passes)).toEqual(new Set(sides));
    const hit = new Set<string>();
    let deaths = 0;
    const faults = faultsAt(passes, randomFrom(seed)).values();
    const lane = async (): Promise<void> => {
      for (const fault of faults) {
        let told = await tell(kind, fault);
        // How often a server comes by depends on timing, but it always does once.
        if (told.deaths === 0) told = await tell(kind, { ...fault, nth: 1 });
        expect(told.outcome, JSON.stringify(fault)).toEqual(outcome);
        if (told.deaths > 0 && fault.delayMs === undefined) hit.add(fault.at);
        deaths += told.deaths;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    expect(hit).toEqual(new Set(sides));
    console.info(`kill points on ${kind}: seed ${seed}, ${deaths} deaths`);
  });
});
