// LangGraph with one of its savers, in a Python process of its own that peer.py keeps going.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Figures } from "./load.ts";
import type { Contestant } from "./rounds.ts";
import { perStep } from "./steps.ts";

export interface Peer extends Contestant {
  stop(): Promise<void>;
}

const names = { none: "no saver", memory: "InMemorySaver", sqlite: "SqliteSaver", mongodb: "MongoDBSaver" };

export async function langGraph(python: string, saver: keyof typeof names, uri = ""): Promise<Peer> {
  const peer = spawn(python, [join(import.meta.dirname, "peer.py"), saver, uri], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`LangGraph with ${saver} ended`);
    return value;
  };
  const steps = Number(await next());
  return {
    name: `LangGraph in process, ${names[saver]}`,
    async measure(callers, seconds) {
      peer.stdin.write(`${callers} ${seconds}\n`);
      return perStep(JSON.parse(await next()) as Figures, steps);
    },
    async stop() {
      const ended = once(peer, "exit");
      peer.stdin.end();
      await ended;
    },
  };
}
