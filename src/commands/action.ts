import type { CairnClient, ConnectOptions } from "../../clients/typescript/src/index.ts";
import { Exit } from "./exit.ts";
import type { Flags } from "./flags.ts";
import { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { readFile } from "./read-input.ts";
import { reportError } from "./report-error.ts";
import { UsageError } from "./usage-error.ts";

/** What a command works with. */
export interface Session {
  client: CairnClient;
  output: Output;
  progress: Progress;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** What --timeout says, in milliseconds. */
  timeoutMs: number | undefined;
  /** The same for work on a whole store or thread, which takes as long as it takes: a week unless it is given. */
  wholeMs: number;
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Runs a command against the server: connects, reports what goes wrong in one line, and closes. The command gives
 * its exit code, 0 when it gives none.
 */
export async function act(flags: Flags, run: (session: Session) => Promise<number | undefined>): Promise<void> {
  const controller = new AbortController();
  const progress = new Progress();
  const interrupt = () => controller.abort(new Error("stopped"));
  process.once("SIGINT", interrupt);
  let client: CairnClient | undefined;
  try {
    client = await connect(flags);
    const output = new Output(flags.json ?? false, progress);
    const { timeout: timeoutMs } = flags;
    const session = { client, output, progress, signal: controller.signal, timeoutMs, wholeMs: timeoutMs ?? WEEK_MS };
    process.exitCode = (await run(session)) ?? Exit.ok;
  } catch (error) {
    progress.clear();
    process.exitCode = controller.signal.aborted
      ? Exit.interrupted
      : reportError(located(error, flags.server), flags.json ?? false);
  } finally {
    progress.clear();
    process.off("SIGINT", interrupt);
    client?.close();
  }
}

/** The client is loaded here, so that --help and mistakes in the command line answer at once. */
async function connect(flags: Flags): Promise<CairnClient> {
  const { CairnClient } = await import("../../clients/typescript/src/index.ts");
  return CairnClient.connect(connectOptions(flags));
}

function connectOptions(flags: Flags): ConnectOptions {
  const { ca, cert, key, insecure, timeout } = flags;
  const secured = ca !== undefined || cert !== undefined || key !== undefined;
  if (insecure && secured) throw new UsageError("--insecure goes without --ca, --cert and --key");
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("--cert and --key come together");
  const file = (path: string | undefined) => (path === undefined ? undefined : readFile(path));
  return {
    address: flags.server,
    space: flags.space,
    token: flags.token ?? file(flags.tokenFile)?.trim().split(/\s/)[0] ?? process.env.CAIRN_TOKEN,
    ...(insecure && { tls: { insecure } }),
    ...(secured && { tls: { ca: file(ca), cert: file(cert), key: file(key) } }),
    ...(timeout !== undefined && { deadlineMs: timeout, runDeadlineMs: timeout }),
  };
}

/** What the transport says of a server that does not answer names neither the server nor what to do. */
function located(thrown: unknown, server = ""): unknown {
  if (!(thrown instanceof Error) || !("codeName" in thrown) || !("reason" in thrown)) return thrown;
  if (thrown.codeName !== "UNAVAILABLE" || thrown.reason !== "") return thrown;
  const why = /Last error: (?:Error: )?(.*?)\.?(?: Resolution note:.*)?$/.exec(thrown.message)?.[1] ?? thrown.message;
  thrown.message = `no server answers at ${server}: ${why}; start one with \`cairn serve\`, or say where it is (--server, CAIRN_SERVER)`;
  return thrown;
}
