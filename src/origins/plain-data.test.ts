import { expect, test } from "vitest";
import { encodeMsgpack } from "../values/msgpack-encode.ts";
import { Ext, type Plain } from "../values/value.ts";
import { plainData } from "./plain-data.ts";

const object = (type: number, parts: Plain) => new Ext(type, encodeMsgpack(parts));

test("objects become what they are made from, wherever they stand", () => {
  const message = object(5, ["langchain_core.messages.ai", "AIMessage", { type: "ai", content: "Yes." }, "validate"]);
  const path = object(1, ["pathlib", "PosixPath", ["/", "tmp"]]);
  const value = { list: [message], deep: new Map<Plain, Plain>([[1, object(7, { at: path })]]) };
  expect(plainData(value)).toEqual({
    list: [{ type: "ai", content: "Yes." }],
    deep: new Map([[1, { at: ["/", "tmp"] }]]),
  });
});

test("JavaScript's messages get the type that Python's have, other objects their fields", () => {
  const made = (name: string, kwargs: Plain) => ({ lc: 1, type: "constructor", id: ["langchain_core", name], kwargs });
  expect(plainData(made("AIMessage", { content: "Yes." }))).toEqual({ type: "ai", content: "Yes." });
  expect(plainData(made("ChatMessage", { type: "own" }))).toEqual({ type: "own" });
  expect(plainData(made("Document", { text: "x" }))).toEqual({ text: "x" });
  const others: Plain[] = [
    { lc: 2 },
    { lc: 1, type: "secret", id: ["KEY"] },
    { lc: 1, type: "constructor", id: "x", kwargs: {} },
  ];
  for (const other of others) expect(plainData(other)).toEqual(other);
});

test("what is no object of LangGraph's is named", () => {
  expect(() => plainData([object(42, [])])).toThrow("an extension of MessagePack of type 42");
  expect(() => plainData(object(0, ["builtins"]))).toThrow("type 0");
  expect(() => plainData(object(6, ["<f8", [1], "C", new Uint8Array(8)]))).toThrow("NumPy");
  let deep: Plain = null;
  for (let level = 0; level < 1_200; level++) deep = object(7, deep);
  expect(() => plainData(deep)).toThrow("nested deeper than 1024");
});
