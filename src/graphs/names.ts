/** The longest name of a graph, node or channel, in bytes of UTF-8. */
export const nameBytesMax = 255;

/** What is wrong with the name of a node or channel; undefined when nothing is. */
export function nameFault(name: string): string | undefined {
  if (["START", "END", "*"].includes(name)) return `${name} has a meaning of its own and can't be a name`;
  if (name.startsWith("__")) return "names that begin with __ are reserved";
  // The engine's own channels are told from a user's by these.
  if (/[:|]/.test(name)) return "a name must not hold : or |";
  return textFault(name);
}

/** What is wrong with any name. */
export function textFault(name: string): string | undefined {
  if (name === "") return "a name must not be empty";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\x00-\x1f\x7f]/.test(name)) return "a name must not hold control characters";
  if (!name.isWellFormed()) return "a name must be well-formed text";
  if (Buffer.byteLength(name) > nameBytesMax) return `a name must be at most ${nameBytesMax} bytes`;
  return undefined;
}

/** Says that something is not there, and what may have been meant. */
export function unknown(what: string, name: string, known: Iterable<string>): string {
  const list = [...known];
  const told = list.length === 0 ? "there are none" : `known: ${list.slice(0, 20).join(", ")}`;
  return `there is no ${what} ${JSON.stringify(name)} (${told}${list.length > 20 ? ", ..." : ""})`;
}
