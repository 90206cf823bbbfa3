import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { ReadCheckpoint } from "../checkpoints/checkpoint-store.ts";
import { Code } from "../code.ts";
import { CairnClientError } from "../error.ts";
import type { Value } from "../gen/cairn/v1/value_pb.ts";
import { typedOf, unreadableValue } from "./unreadable-value.ts";

/** A value as LangGraph's serializer gives it, to be sent: opaque to Cairn. */
export async function serialized(serde: SerializerProtocol, value: unknown) {
  const kept = typedOf(value);
  const [type, data] = kept ? [kept.type, kept.data] : await serde.dumpsTyped(value);
  return { source: { case: "inline" as const, value: { type, data } } };
}

/**
 * The value that was serialized. One that LangGraph.js can't read throws FAILED_PRECONDITION where it is used; `where` names
 * it.
 */
export async function deserialized(
  serde: SerializerProtocol,
  values: ReadCheckpoint["values"],
  value: Value | undefined,
  where: string,
): Promise<unknown> {
  const typed = value?.source.case === "ref" ? values.get(value.source.value) : undefined;
  if (typed === undefined) throw unreadable(where, "the server gave no value for it");
  // LangGraph Python's None.
  if (typed.type === "null") return null;
  try {
    return await serde.loadsTyped(typed.type, typed.data);
  } catch (cause) {
    return unreadableValue(typed, unreadable(where, `its type is "${typed.type}"`, cause));
  }
}

function unreadable(where: string, why: string, cause?: unknown): CairnClientError {
  const message = `LangGraph.js can't read ${where}: ${why}`;
  return new CairnClientError({ code: Code.FailedPrecondition, message, metadata: { where }, cause });
}
