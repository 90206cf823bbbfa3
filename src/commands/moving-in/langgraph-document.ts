// A checkpoint as LangGraph's savers for SQLite and MongoDB store it: one document with all values in it.

import { mapOf, sliceOfMembers } from "../../origins/json-readers.ts";
import type { Dumped, LanggraphTuple } from "../../origins/langgraph.ts";
import { jsonText } from "../../values/json-encode.ts";
import { type JsonSlice, jsonDocument, sliceObject } from "../../values/json-slices.ts";
import { decodeMsgpack } from "../../values/msgpack-decode.ts";
import { sliceMsgpackMap } from "../../values/msgpack-slices.ts";
import { encodeUtf8 } from "../../values/utf8.ts";

const NIL = 0xc0;

/** The checkpoint without its values, and each value by itself, whatever of its framework's own it holds. */
export function takeApart({ type, data }: Dumped): Pick<LanggraphTuple, "checkpoint" | "channelValues"> {
  if (type === "msgpack") return ofMsgpack(data);
  if (type === "json") return ofJson(data);
  throw new Error(`its type is ${JSON.stringify(type)}; what can be read is msgpack and json`);
}

function ofMsgpack(data: Uint8Array): Pick<LanggraphTuple, "checkpoint" | "channelValues"> {
  const members = sliceMsgpackMap(data);
  const values = members?.get("channel_values");
  const channels = values && sliceMsgpackMap(values);
  if (members === undefined || channels === undefined) throw new Error("it is no checkpoint");
  members.delete("channel_values");
  const texts = [...members].map(([name, slice]): [string, JsonSlice] => [name, jsonText(decodeMsgpack(slice))]);
  return {
    checkpoint: encodeUtf8(sliceOfMembers(texts)),
    channelValues: mapOf([...channels].map(([name, slice]) => [name, dumped(slice)])),
  };
}

/** As LangGraph's serializer names it where a value stands by itself. */
function dumped(data: Uint8Array): Dumped {
  return data.length === 1 && data[0] === NIL ? { type: "null", data: new Uint8Array() } : { type: "msgpack", data };
}

function ofJson(data: Uint8Array): Pick<LanggraphTuple, "checkpoint" | "channelValues"> {
  const members = sliceObject(jsonDocument(data));
  const channels = sliceObject(members?.get("channel_values") ?? "null");
  if (members === undefined || channels === undefined) throw new Error("it is no checkpoint");
  members.delete("channel_values");
  const values = [...channels].map(([name, slice]): [string, Dumped] => {
    return [name, { type: "json", data: encodeUtf8(slice) }];
  });
  return { checkpoint: encodeUtf8(sliceOfMembers(members)), channelValues: mapOf(values) };
}
