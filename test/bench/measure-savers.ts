// Cairn's saver for LangGraph in Python beside LangGraph's own, all from a Python process: on MongoDB, and embedded beside SQLite.
import { startReplicaSet } from "../support/mongo.ts";
import type { Goal } from "./goals.ts";
import { serveCairn } from "./served.ts";
import { installPeers } from "./set-up.ts";
import { atMost, inTurns, onMongoDB, print, ratio, type StorageFigures, saveWith } from "./storage-figures.ts";

const STEPS = 400;

export async function measureSavers({ rounds }: { rounds: number }): Promise<Goal[]> {
  const python = installPeers();
  const set = await startReplicaSet();
  try {
    const peer = (kind: string) => () => saveWith(python, kind, STEPS, set.uri);
    const onMongo = await inTurns(
      rounds,
      () => onMongoDB(set.uri, async ({ address }, { uri }) => saveWith(python, "cairn", STEPS, address, uri)),
      peer("mongodb"),
    );
    print("Savers on MongoDB", { CairnSaver: onMongo.cairn, MongoDBSaver: onMongo.peer });
    const embedded = await inTurns(rounds, () => onEmbedded(python), peer("sqlite"));
    print("Savers, embedded", { CairnSaver: embedded.cairn, SqliteSaver: embedded.peer });
    return [
      atMost("CairnSaver's stored bytes a step to MongoDBSaver's", 1 / 40, onMongo, "bytes"),
      atMost("– put at the start", 1, onMongo, "putFirst"),
      atMost("– put at the end", 0.6, onMongo, "putLast"),
      atMost("– reading the latest", 1, onMongo, "getLatest"),
      atMost("– reading the newest 10", 0.5, onMongo, "page"),
      { what: "– steps a second of 8 callers", least: 3, ratio: ratio(onMongo, "perSecond") },
      atMost("CairnSaver's put at the end, embedded, to SqliteSaver's in process", 1, embedded, "putLast"),
      atMost("– reading the latest", 4, embedded, "getLatest"),
      atMost("– reading the newest 10", 2, embedded, "page"),
      { what: "– steps a second of 8 callers", least: 1, ratio: ratio(embedded, "perSecond") },
    ];
  } finally {
    await set.stop();
  }
}

async function onEmbedded(python: string): Promise<StorageFigures> {
  const served = await serveCairn();
  try {
    return saveWith(python, "cairn", STEPS, served.address);
  } finally {
    await served.stop();
  }
}
