import { type Command, Option } from "commander";
import { limits } from "../limits.ts";
import type { RunningServer, ServerOptions } from "../server/start.ts";
import { workerTerms } from "../workers/terms.ts";
import { Exit } from "./exit.ts";
import { parseCount } from "./flags.ts";
import { reportError } from "./report-error.ts";
import { UsageError } from "./usage-error.ts";

const levels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

const help = `
The store is a folder (default ./cairn-data, made if need be; one process at a time) or a MongoDB replica set or
sharded cluster. Graph files in --graphs are registered at start, in the space "default".

Beyond this machine the server listens only with tokens or client certificates, or with --insecure. Each line of the
token file is a token and the spaces it opens: "TOKEN space[,space...]", or "TOKEN *" for all of them.

Examples:
  $ cairn serve
  $ cairn serve --graphs ./graphs --nodes ./nodes.ts
  $ cairn serve --mongodb 'mongodb://db1,db2,db3/?replicaSet=rs0' --listen 0.0.0.0:50051 \\
      --tls-cert server.pem --tls-key server.key --token-file tokens
`;

interface ServeFlags {
  store?: string;
  mongodb?: string;
  listen: string;
  graphs?: string;
  nodes?: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  tokenFile?: string;
  insecure?: boolean;
  cache: number;
  keepEvents?: number;
  maxValue: number;
  taskLease: number;
  logLevel: string;
}

/** `cairn serve` */
export function addServe(program: Command): Command {
  return program
    .command("serve")
    .description("run a server until it is told to stop")
    .addOption(new Option("--store <dir>", "folder of the embedded store").env("CAIRN_STORE").conflicts("mongodb"))
    .addOption(
      new Option("--mongodb <uri>", "keep everything in MongoDB; the URI may name a database").env("CAIRN_MONGODB"),
    )
    .option("--listen <host:port>", "where to listen; port 0 takes any that is free", "127.0.0.1:50051")
    .option("--graphs <dir>", "register the graph files (.yaml, .yml, .json) of this folder")
    .option("--nodes <file>", "module whose functions `module` nodes name")
    .option("--tls-cert <file>", "the server's certificate (PEM)")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--tls-client-ca <file>", "callers must show a certificate that this authority has signed")
    .option("--token-file <file>", "callers must name one of these tokens")
    .option("--insecure", "listen beyond this machine without tokens or client certificates")
    .addOption(
      new Option("--cache <mebibytes>", "memory for answers that are asked for again; 0 for none")
        .argParser(mebibytes("--cache"))
        .default(64),
    )
    .addOption(
      new Option("--max-value <mebibytes>", "the largest value that is taken")
        .argParser(mebibytes("--max-value"))
        .default(limits.valueBytesMax / (1024 * 1024)),
    )
    .addOption(
      new Option("--keep-events <records>", "events that readers may go back to: those of so many records a thread")
        .argParser(parseCount(1))
        .default(limits.eventRecordsKeptMax),
    )
    .addOption(
      new Option("--task-lease <seconds>", "how long a worker that is not heard of keeps its tasks")
        .argParser(parseCount(1))
        .default(workerTerms.leaseMs / 1000),
    )
    .addOption(new Option("--log-level <level>", "how much to log, to stderr").choices(levels).default("info"))
    .addHelpText("after", help)
    .action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  try {
    const options = serverOptions(flags);
    const { startServer } = await import("../server/start.ts");
    const server = await startServer(options);
    stopOnSignals(server);
    process.stdout.write(`cairn listening on ${server.address}\n`);
  } catch (error) {
    process.exitCode = reportError(error, false);
  }
}

function serverOptions(flags: ServeFlags): ServerOptions {
  const {
    store,
    mongodb,
    listen,
    graphs,
    nodes,
    tlsCert,
    tlsKey,
    tlsClientCa,
    tokenFile,
    insecure,
    cache,
    keepEvents,
    maxValue,
    taskLease,
    logLevel,
  } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError("--tls-cert and --tls-key come together");
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    throw new UsageError("--tls-client-ca needs --tls-cert and --tls-key");
  }
  return {
    store: mongodb === undefined ? { folder: store ?? "./cairn-data" } : { uri: mongodb },
    listen,
    graphsDir: graphs,
    nodesFile: nodes,
    tlsCert,
    tlsKey,
    tlsClientCa,
    tokenFile,
    insecure,
    cacheBytes: cache * 1024 * 1024,
    eventRecordsKept: keepEvents,
    valueBytesMax: maxValue * 1024 * 1024,
    taskLeaseMs: taskLease * 1000,
    logLevel,
  };
}

function mebibytes(flag: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,5}$/.test(text)) return Number(text);
    throw new UsageError(`${flag} needs a whole number of mebibytes, at most 99999`);
  };
}

/** The first signal lets calls finish; a second one does not wait for them. */
function stopOnSignals(server: RunningServer): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(Exit.failed);
    stopping = true;
    server.stop().then(
      () => process.exit(Exit.ok),
      (error) => process.exit(reportError(error, false)),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
