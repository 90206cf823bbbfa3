import { Server } from "@grpc/grpc-js";
import { type Logger, pino } from "pino";
import { loadGraphs } from "../graphs/load.ts";
import { limits } from "../limits.ts";
import { NodesModule } from "../runs/modules/nodes-module.ts";
import { openStore } from "../store/open.ts";
import { type Environment, systemEnvironment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import { workerTerms } from "../workers/terms.ts";
import { serviceDefinition } from "./adapter.ts";
import { AnswerCache } from "./answer-cache.ts";
import { checkExposure, openToAll, tokensFrom } from "./auth.ts";
import { Gate } from "./gate.ts";
import { Health } from "./health.ts";
import { bind, parseListen, quietGrpc, serverOptions, shutDown } from "./listen.ts";
import { Requests } from "./once.ts";
import { addReflection } from "./reflection.ts";
import type { Parts, Service } from "./service.ts";
import { services } from "./services.ts";
import { credentials, type TlsOptions } from "./tls.ts";

export interface ServerOptions extends TlsOptions {
  /** A folder for the embedded store, or a MongoDB. */
  store: { folder: string } | { uri: string; database?: string };
  /** HOST:PORT; port 0 takes any that is free. */
  listen: string;
  /** A folder of graph files to register at start, in the space "default". */
  graphsDir?: string;
  /** A module whose functions `module` nodes name. */
  nodesFile?: string;
  tokenFile?: string;
  /** Listen beyond this machine without tokens or client certificates. */
  insecure?: boolean;
  /** How many bytes of answers to keep for callers that ask again; 0 for none. */
  cacheBytes?: number;
  /** How many of a thread's newest records are kept as events. */
  eventRecordsKept?: number;
  /** The largest value that is taken, in bytes. */
  valueBytesMax?: number;
  /** How long a worker keeps its tasks after the server last heard of it, in milliseconds. */
  taskLeaseMs?: number;
  /** A level of pino; "info" without. */
  logLevel?: string;
}

export interface RunningServer {
  /** HOST:PORT as bound. */
  address: string;
  /** Lets calls that are going finish, for a while, and closes the store. May be called again. */
  stop(): Promise<void>;
}

/** Starts a server. Throws a CairnError that says in one line what is in the way. */
export async function startServer(
  options: ServerOptions,
  environment: Environment = systemEnvironment,
): Promise<RunningServer> {
  const log = pino({ level: options.logLevel ?? "info" }, pino.destination({ dest: 2, sync: true }));
  quietGrpc();
  const { host, port } = parseListen(options.listen);
  const guarded = options.tokenFile !== undefined || options.tlsClientCa !== undefined;
  // Aloud: also where the log is set to tell less.
  checkExposure(host, guarded, options.insecure ?? false, (message) => process.stderr.write(`${message}\n`));
  const authenticate = options.tokenFile === undefined ? openToAll : await tokensFrom(options.tokenFile);
  const transport = await credentials(options);
  const store = await openStore(options.store, environment, {
    eventRecordsKept: options.eventRecordsKept,
    valueBytesMax: options.valueBytesMax,
  });
  try {
    const modules = options.nodesFile === undefined ? undefined : await NodesModule.load(options.nodesFile);
    const parts: Parts = {
      store,
      environment,
      serverId: uuid4(environment),
      startedAtMs: environment.clock.nowMs(),
      log,
      requests: new Requests(store),
      answers: new AnswerCache(options.cacheBytes ?? limits.answerCacheBytesMax),
      taskLeaseMs: options.taskLeaseMs ?? workerTerms.leaseMs,
      nodesFile: options.nodesFile,
      moduleFunctions: modules?.functions,
    };
    const all = services(parts, modules);
    if (options.graphsDir !== undefined) await loadGraphs(options.graphsDir, parts);
    const gate = new Gate(authenticate);
    const { server, health } = makeServer(all, gate, log);
    const bound = await bind(server, host, port, transport);
    const address = `${host}:${bound}`;
    log.info({ address, store: store.kind }, `serving on ${address}`);
    return { address, stop: stopOnce({ all, gate, server, health, parts }) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function makeServer(all: Service[], gate: Gate, log: Logger): { server: Server; health: Health } {
  const server = new Server(serverOptions);
  const options = { admit: gate.admit.bind(gate), log };
  for (const entry of all) server.addService(serviceDefinition(entry.service), entry.implement(options));
  const descriptors = all.map(({ service }) => service);
  const health = new Health(descriptors.map(({ typeName }) => typeName));
  health.addTo(server);
  addReflection(server, descriptors, (call) => gate.identify(call), log);
  return { server, health };
}

interface Stoppable {
  all: Service[];
  gate: Gate;
  server: Server;
  health: Health;
  parts: Parts;
}

function stopOnce(stoppable: Stoppable): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= stop(stoppable);
    return stopped;
  };
}

async function stop({ all, gate, server, health, parts }: Stoppable): Promise<void> {
  parts.log.info("stopping");
  health.stopServing();
  gate.close();
  await Promise.all([shutDown(server, parts.environment), ...all.map((entry) => entry.stop())]);
  await parts.store.close();
}
