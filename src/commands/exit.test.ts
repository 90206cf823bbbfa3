import { expect, test } from "vitest";
import { CairnClientError, Code } from "../../clients/typescript/src/index.ts";
import { exitCodeOfError, exitCodeOfStatus, exitCodesHelp } from "./exit.ts";

test.each([
  [Code.InvalidArgument, "INVALID_FIELD", 2],
  [Code.InvalidArgument, "GRAPH_INVALID", 1],
  [Code.NotFound, "THREAD_NOT_FOUND", 4],
  [Code.Aborted, "THREAD_BUSY", 5],
  [Code.FailedPrecondition, "NOTHING_TO_RESUME", 5],
  [Code.OutOfRange, "EVENTS_PRUNED", 5],
  [Code.Unavailable, "", 6],
  [Code.DeadlineExceeded, "", 6],
  [Code.PermissionDenied, "SPACE_DENIED", 7],
  [Code.Unauthenticated, "TOKEN_INVALID", 7],
  [Code.Internal, "INTERNAL", 1],
] as const)("status %i with %s ends in exit code %i", (code, reason, exit) => {
  expect(exitCodeOfError(new CairnClientError({ code, reason, message: "m" }))).toBe(exit);
  expect(exitCodesHelp).toContain(`  ${exit}  `);
});

test("every way a run stops has an exit code", () => {
  const statuses = [
    "done",
    "running",
    "queued",
    "interrupted",
    "paused",
    "failed",
    "cancelled",
    "lost",
    "unspecified",
  ] as const;
  expect(statuses.map(exitCodeOfStatus)).toEqual([0, 0, 0, 3, 3, 1, 1, 6, 1]);
});
