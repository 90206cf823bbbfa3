// Runs the load generator, which is faster than any server here, and reads the server's CPU time meanwhile.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildGenerator } from "./set-up.ts";

/** What came out of some seconds of load. Times are in milliseconds. */
export interface Figures {
  /** All calls, also those of the warm-up. */
  calls: number;
  perSecond: number;
  p50: number;
  p99: number;
  /** CPU time of the process that served, a call. */
  cpu: number;
}

export interface Load {
  address: string;
  /** Whose CPU time counts. */
  serverPid: number;
  method: string;
  requests: Requests;
  callers: number;
  seconds: number;
}

/** Connections, caches and compiled code come before what is measured. */
export const WARM_UP_SECONDS = 1;

export async function drive({ address, serverPid, method, requests, callers, seconds }: Load) {
  const before = cpuMs(serverPid);
  const args = [address, method, requests.file, requests.order, String(callers), String(WARM_UP_SECONDS)];
  const { stdout } = await promisify(execFile)(buildGenerator(), [...args, String(seconds)]);
  const seen: Omit<Figures, "cpu"> & { answerBytes: number } = JSON.parse(stdout);
  return { ...seen, cpu: (cpuMs(serverPid) - before) / seen.calls };
}

/** CPU time of a process so far, of all its threads, in user and system mode; Linux counts in hundredths of a second. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Requests as the generator reads them. Each caller takes them at random, or always its own one. */
export class Requests {
  readonly file: string;
  readonly order: "random" | "own";
  readonly #folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));

  constructor(order: "random" | "own", encoded: Uint8Array[]) {
    this.order = order;
    this.file = join(this.#folder, "requests");
    const parts = encoded.flatMap((request) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(request.length);
      return [length, request];
    });
    writeFileSync(this.file, Buffer.concat(parts));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
