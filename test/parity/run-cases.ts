import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import type { Case } from "./case.ts";
import { difference } from "./compare.ts";
import { playCase } from "./play-case.ts";
import { type Player, startPlayer } from "./player.ts";

/** How a case went: what differs, or undefined when nothing does. */
export interface Verdict {
  name: string;
  differs: string | undefined;
}

/** Cases that are played at the same time. */
const concurrency = 4;

export const nodesFile = fileURLToPath(new URL("./nodes.ts", import.meta.url));

/** Plays cases on a real server through the gRPC API. `storeArgs` choose its store; without, an embedded one. */
export async function runCases(cases: readonly Case[], storeArgs?: string[]): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-parity-"));
  const player = await startPlayer();
  let server: CairnProcess | undefined;
  try {
    const store = storeArgs ?? ["--store", folder];
    server = await startCairn([...store, "--listen", "127.0.0.1:0", "--nodes", nodesFile, "--log-level", "error"]);
    const client = CairnClient.connect({ address: server.address });
    const verdicts = await playAll(client, player, cases);
    await client.close();
    return verdicts;
  } finally {
    await server?.stop();
    await player.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function playAll(client: CairnClient, player: Player, cases: readonly Case[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const queue = cases.entries();
  const lane = async (): Promise<void> => {
    for (const [i, subject] of queue) {
      verdicts[i] = { name: subject.name, differs: await verdict(client, player, subject, `${i}-${subject.name}`) };
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return verdicts;
}

async function verdict(client: CairnClient, player: Player, subject: Case, id: string): Promise<string | undefined> {
  try {
    return difference(subject, await playCase(client, player, subject, id));
  } catch (thrown) {
    return `could not be played: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
