import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { isTransient, toStoreError } from "./errors.ts";

/** What Node answers to a write on a socket whose other side has gone; the driver hands it on as it is. */
async function writeAfterEnd(): Promise<unknown> {
  const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").resume();
  await once(socket, "end");
  const failed = once(socket, "error");
  socket.write("command");
  const [error] = await failed;
  server.close();
  return error;
}

test("a command on a socket that its server has just closed may be tried again", async () => {
  const error = await writeAfterEnd();
  expect(error).toMatchObject({ code: "EPIPE" });
  expect(isTransient(error)).toBe(true);
  expect(toStoreError(error)).toMatchObject({ reason: ErrorReason.STORE_UNAVAILABLE, cause: error });
});

test("an error of our own is no lost connection", () => {
  const error = new TypeError("no such property");
  expect(isTransient(error)).toBe(false);
  expect(toStoreError(error)).toMatchObject({ reason: ErrorReason.INTERNAL });
});
