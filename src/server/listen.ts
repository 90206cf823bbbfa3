import { logVerbosity, type Server, type ServerCredentials, type ServerOptions, setLogVerbosity } from "@grpc/grpc-js";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";

/** How long calls that are going may take to finish when the server stops. */
export const drainMs = 10_000;

export const serverOptions: ServerOptions = {
  "grpc.max_receive_message_length": limits.messageBytesMax,
  "grpc.max_send_message_length": limits.messageBytesMax,
  // Counts every call for a service of grpc-js that is not offered here.
  "grpc.enable_channelz": 0,
  // Notices callers that are gone without a word, so that their streams end.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 20_000,
  // Without it a connection holds 64 KiB at a time, and a large value waits for many round trips.
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};

export function parseListen(listen: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.%\w]+\]|[^:\s/]+):(\d{1,5})$/.exec(listen);
  const [, host, digits] = match ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535) throw invalidField("listen", `${listen} is no HOST:PORT`);
  return { host, port };
}

/** What goes wrong is told by our own errors; grpc-js would print it besides. Its variable brings that back. */
export function quietGrpc(): void {
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
}

/** Returns the port that was bound. */
export function bind(server: Server, host: string, port: number, transport: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, transport, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(bindFailed(`${host}:${port}`, error));
    });
  });
}

function bindFailed(address: string, cause: Error): CairnError {
  const why = /EADDRINUSE/.test(cause.message) ? "another process listens there" : cause.message;
  return new CairnError(ErrorReason.INVALID_FIELD, `can't listen on ${address}: ${why}`, {
    metadata: { address },
    cause,
  });
}

/** Waits for the calls that are going, and ends those that take too long. */
export async function shutDown(server: Server, { clock }: Environment): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.tryShutdown(() => resolve());
  const cancel = clock.after(drainMs, () => {
    server.forceShutdown();
    resolve();
  });
  await promise;
  cancel();
}
