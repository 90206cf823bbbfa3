// A PostgreSQL of its own for a test. It comes with Debian's package, and refuses to run as root.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freePort } from "./ports.ts";

export interface Postgres {
  uri: string;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "cairn-postgres-"));
  const owner = ownerOf(folder);
  const data = join(folder, "data");
  const initdb = programOf("initdb");
  execFileSync(initdb, ["-D", data, "-U", "cairn", "-A", "trust", "-E", "UTF8", "--no-sync"], {
    ...owner,
    stdio: "ignore",
  });
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`, "fsync=off"];
  const args = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  const child = spawn(programOf("postgres"), args, { ...owner, stdio: "ignore" });
  const ended = once(child, "exit");
  const uri = `postgresql://cairn@127.0.0.1:${port}/postgres`;
  while (!(await answers(uri))) {
    if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`);
    await sleep(50);
  }
  return {
    uri,
    async stop() {
      child.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Root gives way to the user that Debian's package has made. */
function ownerOf(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  const owner = { uid: idOf("-u"), gid: idOf("-g") };
  chownSync(folder, owner.uid, owner.gid);
  return { ...owner };
}

function programOf(name: string): string {
  return globSync(`/usr/lib/postgresql/*/bin/${name}`).at(-1) ?? name;
}

async function answers(uri: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: uri });
  client.on("error", () => {});
  const isUp = await client.connect().then(
    () => true,
    () => false,
  );
  await client.end().catch(() => {});
  return isUp;
}
