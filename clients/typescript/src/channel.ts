import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import { Code } from "./code.ts";
import { type ConnectOptions, deadlinesOf, type Pem, type TlsOptions } from "./connect-options.ts";
import { systemEnvironment } from "./environment.ts";
import { CairnClientError } from "./error.ts";
import { defaultDeadlines } from "./method-policy.ts";
import { defaultRetry } from "./retry.ts";
import type { Transport } from "./transport.ts";

/** Where `cairn serve` listens unless told otherwise. */
export const defaultAddress = "127.0.0.1:50051";

const messageBytesMaxDefault = 64 * 1024 * 1024;

/** The longest pause of a channel between two attempts to connect, apart from its jitter of a fifth. */
export const reconnectMsMax = 1_000;

/** Makes what calls are made over. The connection itself is made by the first call. */
export function openTransport(options: ConnectOptions): Transport {
  const address = options.address ?? defaultAddress;
  const messageBytesMax = options.messageBytesMax ?? messageBytesMaxDefault;
  const channel = new Client(address, credentialsFor(address, options.tls), {
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    // A connection that died without a word is noticed by its pings, not by the deadline of whoever waits.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    // A server that comes back is found within a second, also by a client that has been trying for long.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": reconnectMsMax,
  });
  return {
    channel,
    metadata: metadataOf(options),
    deadlines: deadlinesOf(options, defaultDeadlines),
    retry: { ...defaultRetry, ...options.retry },
    environment: options.environment ?? systemEnvironment,
  };
}

function metadataOf({ space, token }: ConnectOptions): Metadata {
  const metadata = new Metadata();
  if (space !== undefined && space !== "") metadata.set("cairn-space", space);
  if (token !== undefined && token !== "") metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

function credentialsFor(address: string, tls: TlsOptions | undefined): ChannelCredentials {
  if (tls?.insecure) {
    if (tls.ca || tls.cert || tls.key) throw optionError("tls.insecure", "goes without ca, cert and key");
    return credentials.createInsecure();
  }
  if (tls === undefined && isThisMachine(address)) return credentials.createInsecure();
  if (!tls?.cert !== !tls?.key) throw optionError("tls", "cert and key come together");
  return credentials.createSsl(buffer(tls?.ca), buffer(tls?.key), buffer(tls?.cert));
}

/** Whether what is sent there leaves the machine. */
export function isThisMachine(address: string): boolean {
  if (/^unix(-abstract)?:/.test(address)) return true;
  const host = address.replace(/^(dns|ipv4|ipv6):(\/\/[^/]*\/)?/, "").replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function buffer(pem: Pem | undefined): Buffer | null {
  if (pem === undefined) return null;
  return typeof pem === "string" ? Buffer.from(pem) : Buffer.from(pem);
}

function optionError(field: string, description: string): CairnClientError {
  const violations = [{ field, description }];
  return new CairnClientError({ code: Code.InvalidArgument, message: `${field}: ${description}`, violations });
}
