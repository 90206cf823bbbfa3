// What channels hold, from the table in docs/graphs.md: one function over all writes of a superstep.

/** A channel that holds nothing is not in it. */
export type Values = ReadonlyMap<string, unknown>;

export interface Write {
  channel: string;
  value: unknown;
  overwrite: boolean;
}

/** The names of the channels, with their kinds under the names of the parity format. */
export type Kinds = Readonly<Record<string, string>>;

const starts: Readonly<Record<string, unknown>> = { add: 0, max: 0, append: [], merge: {} };

const isReducer = (kind: string): boolean => Object.hasOwn(starts, kind);
const isSingle = (kind: string): boolean => ["last_value", "ephemeral", "untracked"].includes(kind);

export function startValues(kinds: Kinds): Values {
  return new Map(Object.entries(kinds).flatMap(([name, kind]) => (isReducer(kind) ? [[name, starts[kind]]] : [])));
}

/** What the channels hold after a superstep that made these writes, in this order. */
export function valuesAfter(kinds: Kinds, held: Values, writes: readonly Write[]): Values {
  const next = new Map<string, unknown>();
  for (const [name, kind] of Object.entries(kinds)) {
    const own = writes.filter(({ channel }) => channel === name);
    const value = valueAfter(kind, held.get(name), own);
    if (value !== undefined) next.set(name, value);
  }
  return next;
}

function valueAfter(kind: string, held: unknown, writes: readonly Write[]): unknown {
  const written = writes.map(({ value }) => value);
  switch (kind) {
    case "last_value":
    case "untracked":
      return written.length === 0 ? held : written.at(-1);
    case "any_value":
    case "ephemeral":
      return written.at(-1);
    case "topic":
      return orNothing(written.flat());
    case "topic_accumulate":
      return orNothing([...((held as unknown[] | undefined) ?? []), ...written.flat()]);
  }
  const replacing = writes.find(({ overwrite }) => overwrite);
  return replacing === undefined ? written.reduce((sum, value) => folded(kind, sum, value), held) : replacing.value;
}

function orNothing(list: unknown[]): unknown {
  return list.length === 0 ? undefined : list;
}

function folded(kind: string, held: unknown, value: unknown): unknown {
  if (kind === "add") return (held as number) + (value as number);
  if (kind === "max") return Math.max(held as number, value as number);
  if (kind === "append") return [...(held as unknown[]), ...(value as unknown[])];
  return { ...(held as object), ...(value as object) };
}

/** Whether one of the writes is of a type that its channel does not take. */
export function isMisfit(kinds: Kinds, writes: readonly Write[]): boolean {
  return writes.some(({ channel, value, overwrite }) => {
    const kind = kinds[channel] ?? "";
    if (!isReducer(kind) || overwrite) return false;
    if (kind === "append") return !Array.isArray(value);
    if (kind === "merge") return value === null || typeof value !== "object" || Array.isArray(value);
    return typeof value !== "number";
  });
}

/** Whether a channel is written, or overwritten, by more tasks than it takes in one superstep. */
export function isClash(kinds: Kinds, writes: readonly Write[]): boolean {
  return Object.entries(kinds).some(([name, kind]) => {
    const own = writes.filter(({ channel }) => channel === name);
    if (isSingle(kind)) return own.length > 1;
    return isReducer(kind) && own.filter(({ overwrite }) => overwrite).length > 1;
  });
}

/** Whether readers of the state notice that these were written: an empty list to a topic says nothing. */
export function isNoticed(kinds: Kinds, { channel, value }: Write): boolean {
  const isTopic = (kinds[channel] ?? "").startsWith("topic");
  return !(isTopic && Array.isArray(value) && value.length === 0);
}

/** What is saved. */
export function tracked(kinds: Kinds, values: Values): Values {
  return new Map([...values].filter(([name]) => kinds[name] !== "untracked"));
}
