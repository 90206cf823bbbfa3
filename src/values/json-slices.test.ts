import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonDocument, sliceArray, sliceObject } from "./json-slices.ts";

const document = (text: string) => jsonDocument(new TextEncoder().encode(text));

describe("slices of JSON", () => {
  it("are the document's own text", () => {
    const members = sliceObject(
      document(' { "b" : 1e2,"a\\u0000":[ 1 ,{"x]":"}\\""}] , "":-0.0,"c":"\\ud800", "1":{} } '),
    );
    expect([...(members ?? [])]).toEqual([
      ["b", "1e2"],
      ["a\0", '[ 1 ,{"x]":"}\\""}]'],
      ["", "-0.0"],
      ["c", '"\\ud800"'],
      ["1", "{}"],
    ]);
    expect(sliceArray(document('[ 1.0 , "," , [],{ } ,null]'))).toEqual(["1.0", '","', "[]", "{ }", "null"]);
    expect([sliceArray(document(" []")), [...(sliceObject(document("{ }")) ?? [0])]]).toEqual([[], []]);
  });

  it("are there for objects or arrays only", () => {
    for (const text of ["null", "1", '"{}"', " true"]) {
      expect([sliceObject(document(text)), sliceArray(document(text))]).toEqual([undefined, undefined]);
    }
    expect([sliceObject(document("[]")), sliceArray(document("{}"))]).toEqual([undefined, undefined]);
    expect(() => document("{")).toThrow(/at byte 1/);
  });

  it("put together again are the document", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 1, 2), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        const members = sliceObject(document(spaced));
        const elements = sliceArray(document(spaced));
        const again = members
          ? `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`)}}`
          : elements
            ? `[${elements}]`
            : spaced;
        expect(JSON.parse(again)).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });
});
