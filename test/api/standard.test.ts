import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { Caller, server, toRefusal } from "./harness.ts";
import { health, healthMethod, reflect } from "./standard-clients.ts";

const names = ["CheckpointService", "ThreadService", "GraphService", "RunService", "AdminService"].map(
  (name) => `cairn.v1.${name}`,
);

describe("health", () => {
  it("answers for the server and each service, and tells watchers of the stop", async () => {
    const running = await server();
    const caller = new Caller(running.address);
    for (const name of ["", ...names]) expect(await health(caller, name)).toBe("SERVING");
    await expect(health(caller, "no.Service")).rejects.toMatchObject({ code: 5 });
    const { path, requestSerialize, responseDeserialize } = healthMethod("Watch");
    const watching = caller.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      service: "",
    });
    const told: string[] = [];
    const bothTold = new Promise<void>((resolve) => {
      watching.on("data", ({ status }: { status: string }) => told.push(status) === 2 && resolve());
      watching.on("error", () => {});
    });
    await new Promise((resolve) => watching.once("data", resolve));
    const stopped = running.stop();
    await bothTold;
    expect(told).toEqual(["SERVING", "NOT_SERVING"]);
    watching.cancel();
    await stopped;
  });
});

describe("reflection", () => {
  it.each(["v1", "v1alpha"] as const)("%s lists the services and gives whole files", async (version) => {
    const caller = new Caller((await server()).address);
    const { listServicesResponse } = await reflect(caller, version, { listServices: "*" });
    const listed = listServicesResponse?.service.map(({ name }) => name) ?? [];
    expect(listed).toEqual(expect.arrayContaining([...names, "grpc.health.v1.Health"]));
    for (const symbol of [
      ...names,
      "neograph.v1.CheckpointService",
      "cairn.v1.Checkpoint",
      "cairn.v1.CheckpointService.PutCheckpoint",
    ]) {
      const { fileDescriptorResponse } = await reflect(caller, version, { fileContainingSymbol: symbol });
      const files = (fileDescriptorResponse?.fileDescriptorProto ?? []).map((bytes) =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
      const there = new Set(files.map(({ name }) => name));
      const needed = files.flatMap(({ dependency }) => dependency).filter((name) => !name.startsWith("buf/"));
      expect(needed.filter((name) => !there.has(name))).toEqual([]);
    }
    const { errorResponse } = await reflect(caller, version, { fileContainingSymbol: "no.Such" });
    expect(errorResponse?.errorCode).toBe(5);
  });
});

describe("stopping", () => {
  it("ends streams with a reason, finishes in time, and may be asked twice", async () => {
    const running = await server();
    const caller = new Caller(running.address);
    const stream = caller.stream(ThreadService.method.watchThreads, {});
    const ended = new Promise<never>((resolve) => stream.on("error", resolve as never).resume());
    await caller.call(ThreadService.method.createThread, { threadId: "t" });
    const begin = performance.now();
    await Promise.all([running.stop(), running.stop()]);
    expect(performance.now() - begin).toBeLessThan(5000);
    const { code, reason } = toRefusal(await ended);
    expect([code, reason]).toEqual(["UNAVAILABLE", "SERVER_STOPPING"]);
    await expect(
      caller.call(ThreadService.method.getThread, { threadId: "t" }, { deadlineMs: 1000 }),
    ).rejects.toThrow();
  });
});
