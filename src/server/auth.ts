import { timingSafeEqual } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { sha256 } from "../values/digest.ts";
import { readOptionFile } from "./option-file.ts";

/** Who calls, as far as it matters: which spaces they may use. */
export interface Caller {
  /** Whether they may use every space, and so what concerns the whole store. */
  readonly mayUseAll: boolean;
  mayUse(space: string): boolean;
}

/** Says who calls. Throws TOKEN_INVALID. */
export type Authenticate = (metadata: Metadata) => Caller;

const everything: Caller = { mayUseAll: true, mayUse: () => true };

/** Without tokens everybody who can connect may do everything. */
export const openToAll: Authenticate = () => everything;

interface Token {
  digest: Uint8Array;
  caller: Caller;
}

const tokensMax = 10_000;

/**
 * Reads a token file: a line is `TOKEN space[,space…]` or `TOKEN *`; blank lines and those that begin with `#` say
 * nothing. Faults name the line and never the token.
 */
export async function tokensFrom(file: string): Promise<Authenticate> {
  const text = new TextDecoder().decode(await readOptionFile("token file", file));
  const tokens: Token[] = [];
  const seen = new Set<string>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const token = parseLine(line, `${file}:${i + 1}`);
    const digest = Buffer.from(token.digest).toString("hex");
    if (seen.has(digest)) throw fileFault(`${file}:${i + 1}`, "this token stands in the file twice");
    seen.add(digest);
    tokens.push(token);
    if (tokens.length > tokensMax) throw fileFault(file, `more than ${tokensMax} tokens`);
  }
  if (tokens.length === 0) throw fileFault(file, "holds no token");
  return (metadata) => find(tokens, metadata);
}

function parseLine(line: string, where: string): Token {
  const [token, spaces, ...rest] = line.trim().split(/\s+/);
  if (token === undefined || spaces === undefined || rest.length > 0) {
    throw fileFault(where, "expected `TOKEN space[,space...]` or `TOKEN *`");
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw fileFault(where, "a token is made of visible ASCII characters");
  const names = spaces.split(",");
  if (names.includes("")) throw fileFault(where, "an empty name of a space");
  if (names.includes("*") && names.length > 1) throw fileFault(where, "`*` stands alone: it means every space");
  const allowed = new Set(names);
  const caller = spaces === "*" ? everything : { mayUseAll: false, mayUse: (space: string) => allowed.has(space) };
  return { digest: digestOf(token), caller };
}

function fileFault(where: string, message: string): CairnError {
  return new CairnError(ErrorReason.INVALID_FIELD, `token file ${where}: ${message}`, { metadata: { file: where } });
}

function find(tokens: Token[], metadata: Metadata): Caller {
  const given = metadata.get("authorization");
  const match = given.length === 1 ? /^bearer +(\S+)$/i.exec(String(given[0])) : null;
  // Every token is compared, and by digests of one length, so that time tells nothing about them.
  const digest = digestOf(match?.[1] ?? "");
  let found: Caller | undefined;
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) found = token.caller;
  if (match === null || found === undefined) {
    throw new CairnError(ErrorReason.TOKEN_INVALID, "a valid token is needed: `authorization: Bearer TOKEN`");
  }
  return found;
}

function digestOf(token: string): Uint8Array {
  return sha256(token);
}

/** Throws SPACE_DENIED, which says the same whether or not the space exists. */
export function checkSpace(caller: Caller, space: string): void {
  if (caller.mayUse(space)) return;
  throw new CairnError(ErrorReason.SPACE_DENIED, "the token does not open this space", { metadata: { space } });
}

/** Throws SPACE_DENIED unless the caller may do what concerns every space. */
export function checkAll({ mayUseAll }: Caller): void {
  if (mayUseAll) return;
  throw new CairnError(ErrorReason.SPACE_DENIED, "this takes a token that opens every space", {
    metadata: { space: "*" },
  });
}

/** Whether only this machine can connect to the host. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** Refuses to listen to the network without a way to tell who calls, unless that is asked for. */
export function checkExposure(
  host: string,
  guarded: boolean,
  insecure: boolean,
  warn: (message: string) => void,
): void {
  if (guarded || isLoopback(host)) return;
  if (!insecure) {
    throw invalidField(
      "listen",
      `${host} can be reached from other machines: give a token file or a client CA, or say --insecure`,
    );
  }
  warn(`INSECURE: ${host} can be reached from other machines, and anybody who connects may read and write everything`);
}
