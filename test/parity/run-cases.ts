import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "./case.ts";
import { difference } from "./compare.ts";
import { Lockstep } from "./lockstep.ts";
import { playCase } from "./play-case.ts";
import { type Player, startPlayer } from "./player.ts";
import { ParityServer } from "./server.ts";

/** How a case went: what differs, or undefined when nothing does. */
export interface Verdict {
  name: string;
  differs: string | undefined;
}

export interface RunOptions {
  /** They choose the server's store; without, an embedded one. */
  storeArgs?: readonly string[];
  /** Kills the server between any two calls of a case. */
  kill?: boolean;
}

/** Cases that are played at the same time. */
const concurrency = 4;

/** With kills there are more of them: each death is one for all. */
const concurrencyWithKills = 12;

interface Stage {
  server: ParityServer;
  player: Player;
}

/** Plays cases on a real server through the gRPC API. */
export async function runCases(
  cases: readonly Case[],
  { storeArgs, kill = false }: RunOptions = {},
): Promise<{ verdicts: Verdict[]; kills: number }> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-parity-"));
  const player = await startPlayer();
  let server: ParityServer | undefined;
  try {
    server = await ParityServer.start(storeArgs ?? ["--store", folder]);
    const play = kill ? playWithKills : playAll;
    return { verdicts: await play({ server, player }, cases), kills: server.kills };
  } finally {
    await server?.stop();
    await player.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function playAll(stage: Stage, cases: readonly Case[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const queue = cases.entries();
  const lane = async (): Promise<void> => {
    for (const [i, subject] of queue) verdicts[i] = await verdict(stage, subject, i);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return verdicts;
}

async function playWithKills(stage: Stage, cases: readonly Case[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let first = 0; first < cases.length; first += concurrencyWithKills) {
    const together = cases.slice(first, first + concurrencyWithKills);
    const lockstep = new Lockstep(together.length, () => stage.server.kill());
    const playing = together.map((subject, i) =>
      verdict(stage, subject, first + i, () => lockstep.arrive()).finally(() => lockstep.leave()),
    );
    verdicts.push(...(await Promise.all(playing)));
  }
  return verdicts;
}

async function verdict(
  { server, player }: Stage,
  subject: Case,
  index: number,
  between?: () => Promise<void>,
): Promise<Verdict> {
  const { name } = subject;
  try {
    const got = await playCase(server.client, player, subject, `${index}-${name}`, between);
    return { name, differs: difference(subject, got) };
  } catch (thrown) {
    return { name, differs: `could not be played: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}
