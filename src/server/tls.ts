import { createSecureContext } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { readOptionFile } from "./option-file.ts";

export interface TlsOptions {
  tlsCert?: string;
  tlsKey?: string;
  /** Callers must show a certificate that this CA has signed. */
  tlsClientCa?: string;
}

/** Plain text without options, TLS with a certificate and key, mTLS with a client CA besides. */
export async function credentials({ tlsCert, tlsKey, tlsClientCa }: TlsOptions): Promise<ServerCredentials> {
  if (tlsCert === undefined && tlsKey === undefined) {
    if (tlsClientCa !== undefined) throw invalidField("tls_client_ca", "needs a certificate and its key as well");
    return ServerCredentials.createInsecure();
  }
  if (tlsCert === undefined || tlsKey === undefined) {
    throw invalidField(tlsCert === undefined ? "tls_cert" : "tls_key", "a certificate and its key go together");
  }
  const cert = await readOptionFile("TLS certificate", tlsCert);
  const key = await readOptionFile("TLS key", tlsKey);
  const ca = tlsClientCa === undefined ? null : await readOptionFile("client CA", tlsClientCa);
  try {
    createSecureContext({ cert, key, ...(ca && { ca }) });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CairnError(ErrorReason.INVALID_FIELD, `the TLS certificate, key or client CA can't be used: ${message}`, {
      cause,
    });
  }
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], ca !== null);
}
