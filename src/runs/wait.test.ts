import { setImmediate as turn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { RunInfoSchema } from "../gen/cairn/v1/run_service_pb.ts";
import { systemEnvironment } from "../system/environment.ts";
import { waitForStop } from "./wait.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});

afterEach(() => {
  process.off("unhandledRejection", note);
});

test("a caller that goes away while its run is being read harms nobody", async () => {
  const store = { exclusive: true, onCommit: () => () => {} } as unknown as Parameters<typeof waitForStop>[0]["store"];
  const caller = new AbortController();
  const read = async () => {
    caller.abort(new Error("gone"));
    await turn();
    return create(RunInfoSchema, { status: RunStatus.RUNNING });
  };
  const waiting = waitForStop(
    { store, environment: systemEnvironment },
    { space: "s", thread: "t" },
    caller.signal,
    read,
  );
  await expect(waiting).rejects.toThrow("gone");
  await turn();
  expect(unhandled).toEqual([]);
});
