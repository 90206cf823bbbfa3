import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { cairn, type ServerProcess, serve } from "./cairn.ts";

const graph = join(import.meta.dirname, "desk.yaml");

const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

async function serving(...args: Parameters<typeof serve>): Promise<ServerProcess> {
  const server = await serve(...args);
  servers.push(server);
  return server;
}

describe("cairn serve", () => {
  test("says where it listens, tells how it is, and stops cleanly", async () => {
    const server = await serving();
    const status = await server.cairn(["status", "--json"]);
    expect(status).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(status.stdout)).toMatchObject({ store_kind: "embedded", store_reachable: true, active_runs: 0 });
    expect((await server.cairn(["status"])).stdout).toMatch(/^store +embedded, reachable$/m);
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(await server.cairn(["status"])).toMatchObject({
      code: 6,
      stderr: `cairn: no server answers at ${server.address}: connect ECONNREFUSED ${server.address}; start one with \`cairn serve\`, or say where it is (--server, CAIRN_SERVER) (UNAVAILABLE)\n`,
    });
  });

  test("keeps what it was given over kill -9", async () => {
    const server = await serving();
    expect((await server.cairn(["graph", "register", graph])).code).toBe(0);
    await server.stop("SIGKILL");
    const again = await serving([], server.folder);
    expect((await again.cairn(["graph", "list"])).stdout).toMatch(/^desk +1 /m);
    expect(await again.stop("SIGINT")).toBe(0);
  });

  test("one clear line and exit code 1 when it can't start", async () => {
    const server = await serving();
    const refused = async (...args: string[]) => {
      const { code, stdout, stderr } = await cairn(["serve", ...args]);
      expect([code, stdout]).toEqual([1, ""]);
      return stderr;
    };
    const elsewhere = `${server.folder}/other`;
    expect(await refused("--listen", server.address, "--store", elsewhere)).toBe(
      `cairn: can't listen on ${server.address}: another process listens there\n`,
    );
    expect(await refused("--listen", "127.0.0.1:0", "--store", server.folder)).toMatch(
      /^cairn: the store in .* is in use by another process\n$/,
    );
    expect(await refused("--listen", "0.0.0.0:0", "--store", elsewhere)).toMatch(/^cairn: .*--insecure\n$/);
    expect(await refused("--listen", "127.0.0.1:0", "--token-file", "/nonexistent")).toMatch(/^cairn: .+\n$/);
  });

  test("refuses flags that contradict each other", async () => {
    expect(await cairn(["serve", "--tls-cert", "x"])).toMatchObject({
      code: 2,
      stderr: "cairn: --tls-cert and --tls-key come together\n",
    });
    expect((await cairn(["serve", "--store", "a", "--mongodb", "mongodb://x"])).code).toBe(2);
  });

  test("opens spaces to tokens only", async () => {
    const server = await serving();
    await server.stop();
    const tokens = join(server.folder, "tokens");
    writeFileSync(tokens, "s3cret team-a\n");
    const guarded = await serving(["--token-file", tokens], server.folder);
    const threads = ["threads", "--space", "team-a"];
    expect(await guarded.cairn(threads)).toMatchObject({ code: 7, stderr: expect.stringContaining("TOKEN_INVALID") });
    expect((await guarded.cairn([...threads, "--token-file", tokens])).code).toBe(0);
    expect((await guarded.cairn(threads, { env: { CAIRN_TOKEN: "s3cret" } })).code).toBe(0);
    expect(await guarded.cairn(["threads", "--token", "s3cret", "--space", "team-b", "--json"])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('"reason":"SPACE_DENIED"'),
    });
  });
});
