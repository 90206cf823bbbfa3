import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reconnectMsMax } from "./channel.ts";
import { Code } from "./code.ts";
import type { Environment } from "./environment.ts";
import { CairnClientError } from "./error.ts";
import { backoffMs, defaultRetry, isConnectionLoss, withRetry } from "./retry.ts";

/** A clock that sleeping moves on, and a die that always shows the same. */
function fakeEnvironment(random = 1): Environment & { slept: number[] } {
  let nowMs = 1_000;
  const slept: number[] = [];
  return {
    slept,
    nowMs: () => nowMs,
    random: () => random,
    uuid: () => "id",
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      nowMs += ms;
    },
  };
}

const unavailable = new CairnClientError({ code: Code.Unavailable, message: "gone" });
const policy = { attemptsMax: 4, streamsMax: 4, backoffBaseMs: 100, backoffMaxMs: 250 };

describe("withRetry", () => {
  test("waits below a doubling bound, and gives the first success", async () => {
    const environment = fakeEnvironment();
    let calls = 0;
    const result = await withRetry({ environment, policy, deadlineAtMs: 1e9 }, async () => {
      if (++calls < 4) throw unavailable;
      return "yes";
    });
    expect([result, calls, environment.slept]).toEqual(["yes", 4, [100, 200, 250]]);
  });

  test("gives up after the last attempt with the server's own error", async () => {
    const environment = fakeEnvironment(0.5);
    let calls = 0;
    const attempt = async () => {
      calls++;
      throw unavailable;
    };
    await expect(withRetry({ environment, policy, deadlineAtMs: 1e9 }, attempt)).rejects.toBe(unavailable);
    expect([calls, environment.slept]).toEqual([4, [75, 150, 187.5]]);
  });

  test("does not wait beyond the deadline", async () => {
    const environment = fakeEnvironment();
    const attempt = () => Promise.reject(unavailable);
    await expect(withRetry({ environment, policy, deadlineAtMs: 1_250 }, attempt)).rejects.toBe(unavailable);
    expect(environment.slept).toEqual([100]);
  });

  test("does not retry what the server refused", async () => {
    const environment = fakeEnvironment();
    let calls = 0;
    const refused = new CairnClientError({ code: Code.Aborted, reason: "THREAD_BUSY", message: "busy" });
    const attempt = async () => {
      calls++;
      throw refused;
    };
    await expect(withRetry({ environment, policy, deadlineAtMs: 1e9 }, attempt)).rejects.toBe(refused);
    expect(calls).toBe(1);
  });

  test("a caller that no longer wants it ends the waiting", async () => {
    const controller = new AbortController();
    const environment = fakeEnvironment();
    const attempt = async () => {
      controller.abort();
      throw unavailable;
    };
    const context = { environment, policy, deadlineAtMs: 1e9, signal: controller.signal };
    await expect(withRetry(context, attempt)).rejects.toMatchObject({ code: Code.Cancelled, reason: "CALL_ENDED" });
  });
});

test("waits stay between half the least bound and the greatest, whatever the die shows", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), random, (attempts, shown) => {
      const waitMs = backoffMs(attempts, defaultRetry, () => shown);
      expect(waitMs).toBeGreaterThanOrEqual(defaultRetry.backoffBaseMs / 2);
      expect(waitMs).toBeLessThanOrEqual(defaultRetry.backoffMaxMs);
    }),
  );
});

test("all attempts together outlast the pause of a channel that lost its server, however the dice fall", () => {
  const waits = Array.from({ length: defaultRetry.attemptsMax - 1 }, (_, i) => backoffMs(i + 1, defaultRetry, () => 0));
  expect(waits.reduce((sum, waitMs) => sum + waitMs)).toBeGreaterThan(1.2 * reconnectMsMax);
});

test.each([
  ["UNAVAILABLE with Cairn's reason", Code.Unavailable, "SERVER_STOPPING", "stopping", true],
  ["UNAVAILABLE of the transport", Code.Unavailable, "", "No connection established", true],
  ["a reset stream", Code.Internal, "", "Received RST_STREAM with code 2 (Internal server error)", true],
  ["a stream cancelled by its server", Code.Cancelled, "", "Call cancelled", true],
  ["a fault of the server", Code.Internal, "INTERNAL", "internal error: RST_STREAM in a message", false],
  ["a cancellation that the server explains", Code.Cancelled, "CALL_ENDED", "cancelled", false],
  ["a deadline", Code.DeadlineExceeded, "", "Deadline exceeded", false],
  ["not found", Code.NotFound, "THREAD_NOT_FOUND", "no", false],
] as const)("connection loss or not: %s", (_what, code, reason, message, lost) => {
  expect(isConnectionLoss(new CairnClientError({ code, reason, message }))).toBe(lost);
});
