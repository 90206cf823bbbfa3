import { expect, test } from "vitest";
import { END } from "./names.ts";
import { targetsOf } from "./node-result.ts";

test("what says where to go may be a name, a list, Sends, a bool or nothing; END is the exit", () => {
  expect(targetsOf("a", "n")).toEqual(["a"]);
  expect(targetsOf(["a", "END"], "n")).toEqual(["a", END]);
  expect(targetsOf(true, "n")).toEqual(["true"]);
  expect(targetsOf(null, "n")).toEqual([]);
  expect(targetsOf({ node: "w", arg: 1 }, "n")).toMatchObject([{ node: "w", sourceNode: "n" }]);
  expect(() => targetsOf(7, "n")).toThrow(/says where to go/);
});
