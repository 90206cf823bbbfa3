// Where the servers under test keep their threads: each test file runs on both kinds of store.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { inject } from "vitest";
import type { ServerOptions } from "../../src/server/start.ts";

export type StoreKind = "embedded" | "mongodb";
export const storeKinds: readonly StoreKind[] = ["embedded", "mongodb"];

export interface TestStore {
  kind: StoreKind;
  /** What `cairn serve` is told. */
  args: string[];
  /** The same for a server within this process. */
  location: ServerOptions["store"];
  /** Others may be using it, so what a test puts there has to be taken away. */
  shared: boolean;
  remove(): Promise<void>;
}

/** A store of its own, with nothing in it. */
export async function newStore(kind: StoreKind): Promise<TestStore> {
  if (kind === "mongodb") return { ...mongoStore(inject("mongoUri")), shared: true };
  const folder = await mkdtemp(join(tmpdir(), "cairn-runs-store-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  return { kind, args: ["--store", folder], location: { folder }, shared: false, remove };
}

/** A database of its own in a MongoDB. */
export function mongoStore(server: string): TestStore {
  const database = `cairn-runs-${randomUUID().slice(0, 13)}`;
  const uri = server.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*/, `$1/${database}`);
  return {
    kind: "mongodb",
    args: ["--mongodb", uri],
    location: { uri },
    shared: false,
    async remove() {
      const client = await MongoClient.connect(uri);
      await client.db(database).dropDatabase();
      await client.close();
    },
  };
}
