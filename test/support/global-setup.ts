// One replica set for the whole test run. Its address is known from the start, `inject("mongoUri")`;
// its processes are started when somebody connects for the first time, so runs that need none start none.
import { createServer, type Server, type Socket } from "node:net";
import type { TestProject } from "vitest/node";
import { type ReplicaSet, startReplicaSet, uriOf } from "./mongo.ts";
import { dockerAnswers } from "./mongo-docker.ts";
import { freePort } from "./ports.ts";

declare module "vitest" {
  export interface ProvidedContext {
    mongoUri: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.MONGODB_TEST_URI;
  if (given) {
    project.provide("mongoUri", given);
    return async () => {};
  }
  const count = (await dockerAnswers()) ? 1 : 3;
  const bells = await Promise.all(Array.from({ length: count }, async () => new Doorbell(await freePort())));
  const ports = bells.map((bell) => bell.port);
  project.provide("mongoUri", uriOf(ports));

  let set: Promise<ReplicaSet> | undefined;
  const start = (): void => {
    if (set) return;
    for (const bell of bells) bell.close();
    // Failovers are for tests with a set of their own: here a busy machine shall not cause one.
    set = startReplicaSet({ ports, electionTimeoutMillis: 20_000 });
    set.catch((error) => {
      console.error(error);
      process.exit(1);
    });
  };
  for (const bell of bells) bell.onRing(start);

  return async () => {
    for (const bell of bells) bell.close();
    await (await set)?.stop();
  };
}

/** Holds a port until somebody connects to it. Drivers try again when the connection is dropped. */
class Doorbell {
  readonly port: number;
  readonly #server: Server;
  readonly #callers = new Set<Socket>();

  constructor(port: number) {
    this.port = port;
    this.#server = createServer((socket) => {
      this.#callers.add(socket);
      socket.on("error", () => {});
    }).listen(port, "127.0.0.1");
  }

  onRing(callback: () => void): void {
    this.#server.on("connection", callback);
  }

  close(): void {
    this.#server.close();
    for (const caller of this.#callers) caller.destroy();
    this.#callers.clear();
  }
}
