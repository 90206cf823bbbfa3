// Whether two documents of an origin say the same: maps as maps, and what is opaque to Cairn byte for byte.
import { type JsonSlice, jsonDocument, sliceArray, sliceObject } from "../../src/values/json-slices.ts";

/** What of a document is the origin's own structure. Everything else, and what is not of its shape, is opaque. */
export type Shape = "opaque" | "text" | { list: Shape } | { map: Shape } | { members: { [name: string]: Shape } };

/** A text that two documents have in common exactly when they say the same. */
export function comparable(document: Uint8Array | undefined, shape: Shape): string | undefined {
  return document && JSON.stringify(opened(jsonDocument(document), shape));
}

function opened(slice: JsonSlice, shape: Shape): unknown {
  if (shape === "opaque") return slice;
  if (shape === "text") return slice.startsWith('"') ? { text: JSON.parse(slice) } : slice;
  if ("list" in shape) return sliceArray(slice)?.map((inner) => opened(inner, shape.list)) ?? slice;
  const shapeOf = (name: string): Shape => {
    if ("map" in shape) return shape.map;
    // A member may be named as what every object has.
    return Object.hasOwn(shape.members, name) ? (shape.members[name] as Shape) : "opaque";
  };
  const members = sliceObject(slice);
  if (members === undefined) return slice;
  const all = [...members].map(([name, inner]): [string, unknown] => [name, opened(inner, shapeOf(name))]);
  return { members: all.sort(([a], [b]) => (a < b ? -1 : 1)) };
}
