import { expect, test } from "vitest";
import { aligned, printable, short, table } from "./style.ts";

test("columns are as wide as their widest cell, colours not counted", () => {
  expect(
    aligned([
      ["a", "b"],
      ["\x1b[31mlong\x1b[39m", "c"],
      ["é", ""],
    ]),
  ).toBe("a     b\n\x1b[31mlong\x1b[39m  c\né");
  expect(table(["A"], [])).toBe("");
});

test("a text from elsewhere can't control the terminal", () => {
  expect(printable("a\x1b[2Jb\nc")).toBe("a\\x1b[2Jb\\x0ac");
  expect(short("abcdef", 4)).toBe("abc…");
  expect(short("abcd", 4)).toBe("abcd");
});
