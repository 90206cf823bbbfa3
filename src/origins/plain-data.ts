import { decodeMsgpack } from "../values/msgpack-decode.ts";
import { Ext, emptyMap, isPlainMap, type Plain, valueDepthMax } from "../values/value.ts";

/**
 * How LangGraph's serializer for Python marks an object, by the type of the extension: a list of the class's module and
 * name and of what it is made from (langgraph-checkpoint 4.3, `jsonplus.py`).
 */
const objects = new Set([0, 1, 2, 3, 4, 5]);
/** Bytes of a layout of their own. */
const numpyArray = 6;
const deltaSnapshot = 7;

/** What LangChain's messages in JavaScript are called by their `type` in Python. */
const messageTypes = new Map([
  ["HumanMessage", "human"],
  ["AIMessage", "ai"],
  ["SystemMessage", "system"],
  ["ToolMessage", "tool"],
  ["FunctionMessage", "function"],
  ["ChatMessage", "chat"],
  ["RemoveMessage", "remove"],
]);

/**
 * A value of LangGraph's with the data that its objects are made from in their place: of a message its fields, of a set its
 * items, of a date its text. No object is made of it. Throws an Error that names what is no such object.
 */
export function plainData(value: Plain, depth = 0): Plain {
  // An extension holds a value whose depth begins anew.
  if (depth > valueDepthMax) throw new Error(`it is nested deeper than ${valueDepthMax}`);
  const inner = (each: Plain) => plainData(each, depth + 1);
  if (value instanceof Ext) return inner(madeFrom(value));
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [inner(key), inner(each)]));
  if (!isPlainMap(value)) return value;
  return mapValues(ofJavaScript(value) ?? value, inner);
}

function madeFrom({ type, data }: Ext): Plain {
  if (type === deltaSnapshot) return decodeMsgpack(data);
  if (type === numpyArray) throw new Error("it holds an array of NumPy's");
  const parts = objects.has(type) ? decodeMsgpack(data) : undefined;
  const [module, name, from] = Array.isArray(parts) ? parts : [];
  if (typeof module === "string" && typeof name === "string" && from !== undefined) return from;
  throw new Error(`it holds an extension of MessagePack of type ${type}`);
}

/** An object in the form in which LangChain for JavaScript writes it. */
function ofJavaScript({ lc, type, id, kwargs }: { [name: string]: Plain }): { [name: string]: Plain } | undefined {
  if (lc !== 1 || type !== "constructor" || !Array.isArray(id) || kwargs === undefined || !isPlainMap(kwargs)) {
    return undefined;
  }
  const messageType = messageTypes.get(String(id.at(-1)));
  return messageType === undefined || Object.hasOwn(kwargs, "type") ? kwargs : { ...kwargs, type: messageType };
}

function mapValues(map: { [name: string]: Plain }, change: (value: Plain) => Plain): Plain {
  const changed = emptyMap();
  for (const [name, value] of Object.entries(map)) changed[name] = change(value);
  return changed;
}
