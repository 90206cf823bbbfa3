import type { DescService } from "@bufbuild/protobuf";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { Store } from "../store/store.ts";
import type { Environment } from "../system/environment.ts";
import { type AdapterOptions, type Handlers, implementation } from "./adapter.ts";
import type { AnswerCache } from "./answer-cache.ts";
import type { Requests } from "./once.ts";

/** What the services are made of. */
export interface Parts {
  store: Store;
  environment: Environment;
  /** This process: a UUID made when it started. */
  serverId: string;
  startedAtMs: number;
  log: Logger;
  requests: Requests;
  answers: AnswerCache;
  /** How long a worker keeps its tasks after the server last heard of it. */
  taskLeaseMs: number;
  /** The file whose functions `module` nodes name; absent: none was given. */
  nodesFile?: string;
  /** Names of its functions; absent when none was loaded. */
  moduleFunctions?: ReadonlySet<string>;
}

/** A service with its handlers, ready to be added to a server. */
export interface Service {
  service: DescService;
  implement(options: AdapterOptions): UntypedServiceImplementation;
  /** Ends what the service has going. Called once, after the last new call was let in. */
  stop(): Promise<void>;
  /** How many runs it has going. */
  activeRuns(): number;
}

export function define<S extends DescService>(
  service: S,
  handlers: Handlers<S>,
  more: Partial<Pick<Service, "stop" | "activeRuns">> = {},
): Service {
  return {
    service,
    implement: (options) => implementation(service, handlers, options),
    stop: more.stop ?? (async () => {}),
    activeRuns: more.activeRuns ?? (() => 0),
  };
}
