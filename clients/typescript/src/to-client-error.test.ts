import { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { serverError } from "../test/server.ts";
import { Code, codeName } from "./code.ts";
import { CairnClientError } from "./error.ts";
import { toClientError } from "./to-client-error.ts";

test("everything the server says is there", () => {
  const violations = [{ field: "nodes.a", description: "has no kind" }];
  const metadata = { graph: "g", faults: "1" };
  const thrown = serverError(3, "GRAPH_INVALID", "the graph has 1 fault", { metadata, violations });
  expect(toClientError(thrown)).toMatchObject({
    name: "CairnClientError",
    code: Code.InvalidArgument,
    codeName: "INVALID_ARGUMENT",
    reason: "GRAPH_INVALID",
    message: "the graph has 1 fault",
    metadata,
    violations,
    cause: thrown,
  });
});

test("reasons of another domain are not ours", () => {
  const error = toClientError(serverError(14, "RATE_LIMIT", "slow down", { domain: "proxy.example" }));
  expect(error).toMatchObject({ code: Code.Unavailable, reason: "", message: "slow down", metadata: {} });
});

test("details that nobody can read leave status and message", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const metadata = new Metadata();
      metadata.set("grpc-status-details-bin", Buffer.from(bytes));
      const error = toClientError(Object.assign(new Error("5 NOT_FOUND: no"), { code: 5, details: "no", metadata }));
      expect(error).toMatchObject({ code: Code.NotFound, message: "no" });
    }),
  );
});

test("total: an error of ours whatever was thrown", () => {
  fc.assert(
    fc.property(fc.anything(), (thrown) => {
      const error = toClientError(thrown);
      expect(error).toBeInstanceOf(CairnClientError);
      expect(typeof error.message).toBe("string");
    }),
  );
  expect(toClientError(new TypeError("x"))).toMatchObject({ code: Code.Unknown, message: "x" });
  expect(toClientError(Object.assign(new Error("?"), { code: 99, details: "?" }))).toMatchObject({
    code: Code.Unknown,
  });
});

test("an error stays what it is", () => {
  const error = new CairnClientError({ code: Code.Aborted, message: "m" });
  expect(toClientError(error)).toBe(error);
});

test("names of codes", () => {
  expect(Object.values(Code).map(codeName)).toEqual(
    "CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED".split(
      " ",
    ),
  );
});
