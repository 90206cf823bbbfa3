import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { CairnError, invalidField } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { DATABASE_FILE, type Database } from "./database.ts";

/** Copies a file to a folder, and returns when it is on disk. */
const COPY = `
  const { copyFileSync, fsyncSync, openSync } = require("node:fs");
  const [from, folder, to] = process.argv.slice(1);
  copyFileSync(from, to);
  for (const [path, flags] of [[to, "r+"], [folder, "r"]]) fsyncSync(openSync(path, flags));
`;

/** Makes a folder that is a store as this one is now. It must not exist yet; one that is not whole does not stay. */
export async function backUp(database: Database, folder: string, signal: AbortSignal): Promise<void> {
  if (!isAbsolute(folder)) throw invalidField("folder", "must be an absolute path on the server's machine");
  try {
    await mkdir(folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalidField("folder", `cannot be made: ${why}`);
  }
  try {
    await database.withFileAtRest((file) => copy(file, folder, signal));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * By another process: one that closes any handle of a file loses all its locks on it, and with them what keeps others out
 * of the store. SQLite's own backup fails whenever it meets a transaction of the connection that it shares.
 */
async function copy(file: string, folder: string, signal: AbortSignal): Promise<void> {
  const args = ["--eval", COPY, file, folder, join(folder, DATABASE_FILE)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], signal });
  let told = "";
  child.stderr.on("data", (chunk) => {
    told += chunk;
  });
  const [code] = await once(child, "close").catch((error: unknown) => [error]);
  if (code === 0) return;
  const why = signal.aborted ? "the store was closed" : (/^Error: .*$/m.exec(told)?.[0] ?? `${code}`);
  throw new CairnError(ErrorReason.STORE_UNAVAILABLE, `the backup failed: ${why}`, { metadata: { folder } });
}
