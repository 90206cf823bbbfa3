import type { Environment } from "./environment.ts";
import type { Deadlines } from "./method-policy.ts";
import type { RetryPolicy } from "./retry.ts";

/** PEM text or bytes. */
export type Pem = string | Uint8Array;

/** How the connection is secured. */
export interface TlsOptions {
  /** Authorities that may have signed the server's certificate. Default: the system's. */
  ca?: Pem;
  /** The client's certificate, for servers that ask for one. Needs `key`. */
  cert?: Pem;
  /** The key of `cert`. */
  key?: Pem;
  /** Connect without TLS to an address beyond this machine, too. The token then travels unencrypted. */
  insecure?: boolean;
}

/** Where the server is and how to talk to it. */
export interface ConnectOptions {
  /** `host:port`, or what else gRPC resolves (`unix:/run/cairn.sock`). Default `127.0.0.1:50051`. */
  address?: string;
  /** The space: an isolated set of graphs and threads. Default `default`. */
  space?: string;
  /** The bearer token. */
  token?: string;
  /** TLS. Default: none on this machine; beyond it, TLS with the system's authorities. */
  tls?: TlsOptions;
  /** How long ordinary calls may take, all attempts together, in milliseconds. Default 30,000. */
  deadlineMs?: number;
  /** How long runs may take, and one attempt of an event stream, in milliseconds. Default 600,000. */
  runDeadlineMs?: number;
  /** How calls that are safe to repeat are retried. Default: five attempts within about three seconds. */
  retry?: Partial<RetryPolicy>;
  /** The largest message in either direction, in bytes. Default 64 MiB, as the server's. */
  messageBytesMax?: number;
  /** How many bytes of values `checkpointStore` keeps, to send and ask for what changed only. Default 64 MiB. */
  heldBytesMax?: number;
  /** Time and randomness, for tests. */
  environment?: Environment;
}

/** Whether deadlines make sense; what they are. */
export function deadlinesOf({ deadlineMs, runDeadlineMs }: ConnectOptions, defaults: Deadlines): Deadlines {
  return { callMs: deadlineMs ?? defaults.callMs, runMs: runDeadlineMs ?? defaults.runMs };
}
