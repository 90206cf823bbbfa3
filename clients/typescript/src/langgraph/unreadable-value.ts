import type { TypedValue } from "../gen/cairn/v1/value_pb.ts";

/** What is asked of any value that is handed on, and says nothing of it. */
const harmless = new Set<PropertyKey>(["then", "constructor", "lg_name", "lc"]);

const held = new WeakMap<object, TypedValue>();

/**
 * In the place of a value that only the other LangGraph can read. It stays as it is when it is saved again; whatever else
 * it is asked for throws `error`, which names what holds it.
 */
export function unreadableValue(typed: TypedValue, error: Error): object {
  const refuse = (): never => {
    throw error;
  };
  const value = new Proxy(Object.create(null), {
    get: (_, key) => (typeof key === "symbol" || harmless.has(key) ? undefined : refuse()),
    ownKeys: refuse,
    has: refuse,
    set: refuse,
  });
  held.set(value, typed);
  return value;
}

/** What stands in its place; undefined for any other value. */
export function typedOf(value: unknown): TypedValue | undefined {
  return typeof value === "object" && value !== null ? held.get(value) : undefined;
}
