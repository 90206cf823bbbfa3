// Below gRPC: bytes that are no HTTP/2, frames that lie, headers that no client library would send.
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import fc from "fast-check";
import type { Bytes } from "./wire.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Bytes for a bare connection. */
const bare: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([preface, bytes])),
  fc
    .constantFrom("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "PRI * HTTP/2.0\r\n")
    .map((t) => Buffer.from(t, "latin1")),
);

interface Exchange {
  headers: Record<string, string>;
  body: Buffer;
  ends: boolean;
}

/** A message's frame, whose flag and length may say anything. */
function frame(flag: number, length: number, bytes: Bytes): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

const bodies: fc.Arbitrary<Buffer> = fc
  .tuple(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(0, 1, 2, 255), fc.constantFrom(0, 1, -1, 2 ** 32 - 1))
  .map(([given, flag, off]) => {
    const bytes = new Uint8Array(given);
    return frame(flag, off === 2 ** 32 - 1 ? off : Math.max(0, bytes.length + off), bytes);
  });

const exchange: fc.Arbitrary<Exchange> = fc.record({
  headers: fc
    .record({
      path: fc.constantFrom(
        "/cairn.v1.CheckpointService/GetCheckpoint",
        "/cairn.v1.RunService/StreamEvents",
        "/cairn.v1.CheckpointService/PutValues",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/",
        "//",
        "/__proto__/constructor",
        "*",
      ),
      method: fc.constantFrom("POST", "POST", "GET", "PUT"),
      type: fc.constantFrom("application/grpc", "application/grpc+proto", "text/plain", "application/json"),
      more: fc.constantFrom<Record<string, string>>(
        {},
        { "grpc-timeout": "99999999999H" },
        { "grpc-timeout": "-1S" },
        { "grpc-timeout": "0n" },
        { "grpc-encoding": "gzip" },
        { "grpc-encoding": "nonsense" },
        { "cairn-space": "s\u00e9" },
        { "cairn-space": "x".repeat(300) },
        { "cairn-space": "" },
        { "x-bin": "!!!" },
        { authorization: "Bearer" },
      ),
    })
    .map(({ path, method, type, more }) => ({
      ":path": path,
      ":method": method,
      "content-type": type,
      te: "trailers",
      ...more,
    })),
  body: fc.oneof(
    bodies,
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(Buffer.alloc(0)),
  ),
  ends: fc.boolean(),
});

/** Connects, sends, and leaves after a moment: what is answered does not matter, only that the server lives on. */
export type Visit = (address: string) => Promise<void>;

export const visits: fc.Arbitrary<Visit> = fc.oneof(
  bare.map(
    (bytes): Visit =>
      (address) =>
        visitBare(address, bytes),
  ),
  fc.array(exchange, { minLength: 1, maxLength: 5 }).map(
    (all): Visit =>
      (address) =>
        visitHttp2(address, all),
  ),
);

const stayMs = 30;

function visitBare(address: string, bytes: Buffer): Promise<void> {
  const [host, port] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => socket.write(bytes));
    socket.on("error", () => {}).on("close", () => resolve());
    setTimeout(() => socket.destroy(), stayMs);
  });
}

function visitHttp2(address: string, exchanges: Exchange[]): Promise<void> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${address}`);
    session.on("error", () => {}).on("close", () => resolve());
    for (const { headers, body, ends } of exchanges) {
      const stream = session.request(headers);
      stream.on("error", () => {}).resume();
      stream.write(body);
      if (ends) stream.end();
      else setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), stayMs / 2);
    }
    setTimeout(() => session.destroy(), stayMs);
  });
}
