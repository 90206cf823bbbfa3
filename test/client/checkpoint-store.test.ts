// Putting and reading checkpoints by what changed, and values of any size, against real servers on both stores.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CairnClient, CheckpointStore, proto, type ReadCheckpoint } from "../../clients/typescript/src/index.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import { newStore, storeKinds, type TestStore } from "../support/stores.ts";

const MIB = 1024 * 1024;
/** More than the server would hold in one piece, both of them. */
const LARGE_MIB = 70;
/** So large that what waits for the garbage collector of a busy machine is far from half of it. */
const HUGE_MIB = 200;

const typed = (data: Uint8Array, type = "bytes") => ({ source: { case: "inline" as const, value: { type, data } } });
const json = (value: unknown) => typed(new TextEncoder().encode(JSON.stringify(value)), "json");

function dataOf({ checkpoint, values }: ReadCheckpoint, channel: string): Buffer {
  const source = checkpoint.channelValues[channel]?.source;
  const value = source?.case === "ref" ? values.get(source.value) : undefined;
  return Buffer.from(value?.data ?? []);
}

/** A store of checkpoints that counts how many bytes its puts send and its reads get. */
function counted({ checkpoints }: CairnClient) {
  const bytes = { sent: 0, got: 0 };
  const counting: typeof checkpoints = {
    ...checkpoints,
    putCheckpoint(request, options) {
      const schema = proto.PutCheckpointRequestSchema;
      bytes.sent += toBinary(schema, create(schema, request)).length;
      return checkpoints.putCheckpoint(request, options);
    },
    async getCheckpoint(request, options) {
      const response = await checkpoints.getCheckpoint(request, options);
      bytes.got += toBinary(proto.GetCheckpointResponseSchema, response).length;
      return response;
    },
  };
  return { store: new CheckpointStore(counting), bytes };
}

describe.each(storeKinds)("a client of the checkpoint store, on %s", (kind) => {
  let store: TestStore;
  let server: CairnProcess;
  let client: CairnClient;
  let other: CairnClient;
  beforeAll(async () => {
    store = await newStore(kind);
    server = await startCairn(["--listen", "127.0.0.1:0", ...store.args]);
    client = CairnClient.connect({ address: server.address, space: "large" });
    other = CairnClient.connect({ address: server.address, space: "large" });
  });
  afterAll(async () => {
    await client?.admin.deleteSpace({ space: "large" });
    client?.close();
    other?.close();
    await server?.stop();
    await store?.remove();
  });

  test("sends and gets what changed, and every version is as it was", async () => {
    const { store: mine, bytes } = counted(client);
    const messages: string[] = [];
    const versions: string[] = [];
    for (let i = 0; i < 120; i++) {
      messages.push(randomBytes(256).toString("hex"));
      versions.push(JSON.stringify(messages));
      const channelValues = { messages: json(messages), n: json(i), system: json("You are kind.".repeat(200)) };
      bytes.sent = 0;
      await mine.put({ threadId: "grows", id: `c${i}`, parentId: i ? `c${i - 1}` : undefined, channelValues });
      // Whatever the list has grown to.
      if (i > 10) expect(bytes.sent).toBeLessThan(1_200);
      const read = await mine.get("grows");
      expect(dataOf(read, "messages").toString()).toBe(versions[i]);
      if (i > 10) expect(bytes.got).toBeLessThan(1_500);
      bytes.got = 0;
    }
    const found: string[] = [];
    for await (const entry of other.checkpointStore.list("grows", { pageSize: 50 })) {
      found.push(dataOf(entry, "messages").toString());
    }
    expect(found).toEqual(versions.toReversed());
  });

  test("sends a value whole when the server does not have what it changes", async () => {
    const value = randomBytes(5_000);
    const changed = Buffer.concat([value, Buffer.from("!")]);
    await client.checkpointStore.put({ threadId: "again", id: "a", channelValues: { x: typed(value) } });
    await other.thread("again").delete();
    await client.checkpointStore.put({ threadId: "again", id: "b", channelValues: { x: typed(changed) } });
    expect(dataOf(await other.checkpointStore.get("again"), "x").equals(changed)).toBe(true);
    const { entries } = await other.checkpoints.listCheckpoints({ threadId: "again" });
    expect(entries.map(({ checkpoint }) => checkpoint?.id)).toEqual(["b"]);
  });

  test(`puts and gets ${HUGE_MIB} MiB, of which the server holds some chunks`, { timeout: 600_000 }, async () => {
    const passed = async (threadId: string, sizeBytes: number): Promise<Buffer> => {
      const value = randomBytes(sizeBytes);
      await client.checkpointStore.put({ threadId, id: "a", channelValues: { x: typed(value), y: json(1) } });
      const read = await other.checkpointStore.get(threadId, {}, { deadlineMs: 300_000 });
      expect(dataOf(read, "x").equals(value)).toBe(true);
      expect(dataOf(read, "y").toString()).toBe("1");
      return value;
    };
    // The first fills caches, and the heap as far as it goes before garbage is collected.
    await passed("large", LARGE_MIB * MIB);
    const before = peakBytes(server);
    const value = await passed("huge", HUGE_MIB * MIB);
    expect(peakBytes(server) - before).toBeLessThan((HUGE_MIB / 2) * MIB);
    // What is left as it was is not sent again, and stays one value.
    await client.checkpointStore.put({ threadId: "huge", id: "b", channelValues: { x: typed(value), y: json(2) } });
    const entry = await other.checkpoints.getCheckpoint({ threadId: "huge", view: proto.ValueView.REFS });
    expect(entry.values.map(({ sizeBytes }) => sizeBytes).sort()).toEqual([1n, BigInt(value.length)]);
  });

  test("an upload is whole or nothing: cut off, too long, damaged, too large, or named twice", async () => {
    const { checkpoints } = client;
    const data = randomBytes(3 * MIB);
    const header = { threadId: "cut", type: "bytes", sizeBytes: BigInt(data.length), crc32: 1 };
    const chunk = (part: Uint8Array) => ({ part: { case: "chunk" as const, value: part } });
    const begin = { part: { case: "header" as const, value: header } };
    const upload = (...chunks: Uint8Array[]) => checkpoints.putValues([begin, ...chunks.map(chunk)]);
    const wrong = { reason: "VALUE_CHECKSUM", message: expect.any(String) };
    await expect(upload(data.subarray(0, MIB))).rejects.toMatchObject(wrong);
    await expect(upload(...[0, 1, 2, 3].map(() => data.subarray(0, MIB)))).rejects.toMatchObject(wrong);
    await expect(upload(...[0, 1, 2].map((i) => data.subarray(i * MIB, (i + 1) * MIB)))).rejects.toMatchObject(wrong);
    const large = { part: { case: "header" as const, value: { ...header, sizeBytes: 1n << 40n } } };
    await expect(checkpoints.putValues([large])).rejects.toMatchObject({ reason: "VALUE_TOO_LARGE" });
    await expect(checkpoints.putValues([chunk(data.subarray(0, 10))])).rejects.toMatchObject({
      violations: [{ field: "chunk", description: "comes before any header" }],
    });
    const broken = new AbortController();
    async function* breaksOff() {
      yield begin;
      yield chunk(data.subarray(0, MIB));
      broken.abort();
    }
    await expect(checkpoints.putValues(breaksOff(), { signal: broken.signal })).rejects.toMatchObject({ code: 1 });

    const { crc32 } = await import("node:zlib");
    const right = { part: { case: "header" as const, value: { ...header, crc32: crc32(data) } } };
    const { refs } = await checkpoints.putValues([
      right,
      ...[0, 1, 2].map((i) => chunk(data.subarray(i * MIB, (i + 1) * MIB))),
    ]);
    const put = (id: string, threadId = "cut") =>
      checkpoints.putCheckpoint({
        checkpoint: { threadId, id, channelValues: { x: { source: { case: "ref", value: refs[0] ?? "" } } } },
      });
    await expect(put("a", "elsewhere")).rejects.toMatchObject({ reason: "VALUE_NOT_FOUND" });
    await put("a");
    expect(dataOf(await client.checkpointStore.get("cut"), "x").equals(data)).toBe(true);
    await expect(put("b")).rejects.toMatchObject({ reason: "VALUE_NOT_FOUND" });
  });
});

/** The most memory that the server has had. */
function peakBytes({ process: { pid } }: CairnProcess): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
}
