// A large value is written ahead of the record that refers to it: while it is on its way, nobody sees the record.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { auditThreads, withStore } from "./audit.ts";
import { FaultyServer } from "./faulty-server.ts";

const value = (bytes: number) => ({
  source: { case: "inline" as const, value: { type: "bytes", data: randomBytes(bytes) } },
});
const put = (threadId: string, bytes: number) => ({
  checkpoint: { id: "c", threadId, channelValues: { x: value(bytes) } },
  requestId: threadId,
});

it.each(storeKinds)("nothing is visible before it is whole, on %s", { timeout: 120_000 }, async (kind) => {
  const server = await FaultyServer.start(kind, { at: "before parts", nth: 1, act: "hold" });
  try {
    const { checkpoints, services } = server.client();
    const large = checkpoints.putCheckpoint(put("large", 1_000_000));
    await Promise.race([server.held, large.then(() => expect.fail("it was not held"))]);
    // What was sent after it is there.
    await checkpoints.putCheckpoint(put("small", 10));
    await expect(services.threads.getThread({ threadId: "large" })).rejects.toMatchObject({ codeName: "NOT_FOUND" });
    server.kill();
    // The retry reaches the next server.
    expect((await large).checkpointId).toBe("c");
    expect([...(await withStoreOf(server)).keys()].toSorted()).toEqual(["large", "small"]);
  } finally {
    await server.end();
  }
});

/** Its threads, each of them whole. The store is its server's alone, which is stopped for it. */
async function withStoreOf(server: FaultyServer): Promise<Map<string, string[]>> {
  await server.stop();
  return withStore(server.store, auditThreads);
}
