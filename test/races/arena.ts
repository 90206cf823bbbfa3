// Real servers on one store, and real client processes that call them at the same moment.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { FaultyServer } from "../faults/faulty-server.ts";
import { eventsOf } from "../runs/support/bench.ts";
import { newStore, type StoreKind } from "../support/stores.ts";
import { decodedOf, graphText, tableOf, tagsOf } from "./calls.ts";
import type { Call, Entry, Final, FinalEvent } from "./history.ts";

const program = fileURLToPath(new URL("./client-process.ts", import.meta.url));

const CLIENTS = 4;

export class Arena {
  readonly entries: Entry[] = [];
  readonly client: CairnClient;
  readonly #servers: FaultyServer[];
  #clients: ClientProcess[] = [];

  private constructor(servers: FaultyServer[]) {
    this.#servers = servers;
    this.client = (servers[0] as FaultyServer).client();
  }

  /** On MongoDB there are two servers; `aheadMs` is how far the second one's clock is ahead. */
  static async start(kind: StoreKind, aheadMs = 0): Promise<Arena> {
    const store = await newStore(kind);
    const servers = [await FaultyServer.start(store)];
    if (kind === "mongodb") servers.push(await FaultyServer.start(store, undefined, aheadMs));
    const arena = new Arena(servers);
    const [first] = servers as [FaultyServer];
    await arena.client.graphs.register(graphText(first.folder));
    arena.#clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) => {
        const { address } = servers[index % servers.length] as FaultyServer;
        return ClientProcess.start(address, index);
      }),
    );
    return arena;
  }

  /** All clients make their calls at once. */
  async round(calls: readonly Call[]): Promise<Entry[]> {
    const entries = await Promise.all(calls.map((call, index) => (this.#clients[index] as ClientProcess).make(call)));
    this.entries.push(...entries);
    return entries;
  }

  async final(thread: string): Promise<Final> {
    const exists = await this.client
      .thread(thread)
      .info()
      .then(
        () => true,
        () => false,
      );
    if (!exists) return { checkpoints: [], events: [], begun: {} };
    const begun: Record<string, number> = {};
    for (const line of this.#servers.flatMap(({ traces }) => traces)) {
      const task = line.replace(/ begins$/, "");
      begun[task] = (begun[task] ?? 0) + 1;
    }
    return {
      checkpoints: await checkpointsOf(this.client, thread),
      events: (await eventsOf(this.client.thread(thread))).map(({ raw }) => finalEvent(raw)),
      begun,
    };
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.end();
    for (const server of this.#servers) await server.end();
  }
}

class ClientProcess {
  readonly #child: ChildProcess;
  #next = Promise.withResolvers<unknown>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message) => this.#next.resolve(message));
    child.on("exit", (code) => this.#next.reject(new Error(`a client process has ended with ${code}`)));
  }

  static async start(address: string, index: number): Promise<ClientProcess> {
    const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
    const client = new ClientProcess(spawn(process.execPath, [program, address, String(index)], { stdio: [...stdio] }));
    await client.#next.promise;
    return client;
  }

  async make(call: Call): Promise<Entry> {
    this.#next = Promise.withResolvers();
    this.#child.send(call);
    return (await this.#next.promise) as Entry;
  }

  end(): void {
    this.#next.promise.catch(() => {});
    this.#child.disconnect();
  }
}

async function checkpointsOf(client: CairnClient, threadId: string): Promise<Final["checkpoints"]> {
  const found: Final["checkpoints"] = [];
  let pageToken = "";
  do {
    const page = await client.checkpoints.listCheckpoints({ threadId, pageSize: 50, pageToken });
    const table = tableOf(page.tables[threadId]?.values ?? []);
    for (const { checkpoint } of page.entries) {
      const log = decodedOf(checkpoint?.channelValues.log, table) as string[] | undefined;
      found.unshift({ id: checkpoint?.id ?? "", tags: tagsOf(checkpoint, table), log: log ?? [] });
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

type RawEvent = Awaited<ReturnType<typeof eventsOf>>[number]["raw"];

function finalEvent({ number, runId, body }: RawEvent): FinalEvent {
  const type = (body.case ?? "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const event: FinalEvent = { number: Number(number), type, runId };
  if (body.case === "runStarted") event.epoch = Number(body.value.epoch);
  if (body.case === "taskFinished") event.task = body.value.taskId;
  if (body.case === "checkpointSaved") {
    event.checkpointId = body.value.checkpointId;
    event.source = body.value.source;
  }
  return event;
}
