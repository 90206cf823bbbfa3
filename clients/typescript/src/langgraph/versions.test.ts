import { expect, test } from "vitest";
import { fromVersionMap, toVersionMap, versionAfter } from "./versions.ts";

const python = `${"7".padStart(32, "0")}.0123456789012345`;

test("counts on in the form that a thread has", () => {
  expect(versionAfter(undefined, () => 0.5)).toBe(1);
  expect(versionAfter(41, () => 0.5)).toBe(42);
  expect(versionAfter(2.5, () => 0.5)).toBe(3);
  const next = versionAfter(python, () => 0.5) as string;
  expect(next).toBe(`${"8".padStart(32, "0")}.5000000000000000`);
  expect(next > python).toBe(true);
  expect(() => versionAfter("seven", () => 0.5)).toThrow(/can't count on/);
});

test("keeps versions as they are, and refuses those that a number can't hold", () => {
  const versions = { int: 3, float: 0.5, text: python };
  expect(fromVersionMap(toVersionMap(versions))).toEqual(versions);
  const large = toVersionMap({ a: 1 });
  if (large.versions.a) large.versions.a.number = { case: "uint64Value", value: 2n ** 60n };
  expect(() => fromVersionMap(large)).toThrow(/1152921504606846976/);
});
