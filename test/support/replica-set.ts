// What a test says to the members of a replica set.
import { setTimeout as sleep } from "node:timers/promises";
import { type Document, MongoClient } from "mongodb";

export interface Settings {
  /** How long the others wait before they elect a primary in place of one that is gone; default 2000. */
  electionTimeoutMillis?: number;
}

/** Makes the members one set, and waits until every one of them is primary or secondary. */
export async function initiate(hosts: string[], { electionTimeoutMillis = 2_000 }: Settings): Promise<void> {
  const [first = ""] = hosts;
  const members = hosts.map((host, _id) => ({ _id, host }));
  // The first election, too, comes after the timeout: it is short until there is a primary.
  const settings = { electionTimeoutMillis: 1_000, heartbeatIntervalMillis: 500 };
  await onMember(first, (client) =>
    client.db("admin").command({ replSetInitiate: { _id: "rs0", version: 1, members, settings } }),
  );
  await Promise.all(hosts.map((host) => waitUntil(host, (hello) => hello.isWritablePrimary || hello.secondary)));
  await waitUntil(first, (hello) => hello.primary);
  await setElectionTimeout(hosts, electionTimeoutMillis);
}

async function setElectionTimeout(hosts: string[], electionTimeoutMillis: number): Promise<void> {
  const client = await MongoClient.connect(`mongodb://${hosts.join(",")}/?replicaSet=rs0`);
  try {
    const admin = client.db("admin");
    // On a busy machine the primary may change meanwhile, or still be busy with the first configuration.
    await retry("the set did not take its settings", async () => {
      const { config } = await admin.command({ replSetGetConfig: 1 });
      const settings = { ...config.settings, electionTimeoutMillis };
      await admin.command({ replSetReconfig: { ...config, version: config.version + 1, settings } });
      return true;
    });
  } finally {
    await client.close();
  }
}

/** Asks a member how it is until the answer satisfies. */
export async function waitUntil(host: string, satisfies: (hello: Document) => unknown): Promise<void> {
  await retry(`mongod at ${host} did not become ready`, () =>
    onMember(host, async (client) => satisfies(await client.db("admin").command({ hello: 1 }))),
  );
}

/** Tries until the attempt gives something true, for a minute at most. */
async function retry(complaint: string, attempt: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 60_000;
  let cause: unknown;
  while (Date.now() < deadline) {
    try {
      if (await attempt()) return;
    } catch (error) {
      cause = error;
    }
    await sleep(50);
  }
  throw new Error(`${complaint} within a minute`, { cause });
}

/** Has the primary step down, and waits for the next one. */
export async function stepDown(uri: string): Promise<void> {
  const client = await MongoClient.connect(uri);
  try {
    const admin = client.db("admin");
    const before = await admin.command({ hello: 1 });
    for (;;) {
      try {
        await admin.command({ replSetStepDown: 10, secondaryCatchUpPeriodSecs: 5, force: before.hosts.length === 1 });
        break;
      } catch (error) {
        // No secondary had caught up in time: on a busy machine that takes another try.
        if ((error as { codeName?: string }).codeName !== "ExceededTimeLimit") throw error;
      }
    }
    for (;;) {
      const now = await admin.command({ hello: 1 });
      if (now.isWritablePrimary && String(now.electionId) !== String(before.electionId)) return;
      await sleep(50);
    }
  } finally {
    await client.close();
  }
}

async function onMember<T>(host: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: 5_000 });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
