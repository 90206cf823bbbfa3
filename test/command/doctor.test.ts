// A store that is looked at, and repaired.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { type ServerProcess, serve } from "./cairn.ts";

let server: ServerProcess;
let client: CairnClient;

beforeAll(async () => {
  server = await serve();
  client = CairnClient.connect({ address: server.address });
});
afterAll(async () => {
  client.close();
  await server.remove();
});

async function put(id: string, parentId?: string): Promise<void> {
  const checkpoint = { threadId: "t", id, parentId };
  await client.checkpoints.putCheckpoint({ checkpoint, requestId: `put ${id}` });
}

describe("cairn doctor", () => {
  test("finds nothing in a store that is sound", async () => {
    expect(await server.cairn(["doctor"])).toEqual({
      code: 0,
      stdout: "looked at  0 threads, 0 records, 0 values\nfaults     none\n",
      stderr: "",
    });
  });

  test("tells of each fault, with exit code 1, and repairs it", async () => {
    await put("a");
    await put("c", "b");
    const found = await server.cairn(["doctor"]);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(
      /^broken-parent: space default, thread t, record 2, checkpoint c: its parent "b" is not there$/m,
    );
    expect(found.stdout).toMatch(/^faults +1, of which 0 repaired$/m);
    expect((await server.cairn(["doctor", "--only", "other"])).code).toBe(0);
    const repaired = await server.cairn(["doctor", "--repair", "--json"]);
    const [finding, sum] = repaired.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(repaired.code).toBe(0);
    expect(finding).toMatchObject({ fault: "broken-parent", thread_id: "t", checkpoint_id: "c", repaired: true });
    expect(sum).toEqual({ threads: 1, records: 2, values: 0, found: 1, repaired: 1 });
    expect((await server.cairn(["doctor"])).code).toBe(0);
    const kept = await client.checkpoints.getCheckpoint({ threadId: "t", checkpointId: "c" });
    expect(kept.entry?.checkpoint).toMatchObject({ parentId: "b", parentPruned: true });
  });
});
