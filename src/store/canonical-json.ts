/**
 * Canonical text of JSON: two texts have the same one exactly when they say the same. Numbers are compared by
 * value and without loss (1, 1.0 and 1e0 are one; integers beyond 2^53 stay apart), members are sorted.
 */

/** Nesting deeper than this is refused rather than followed. */
const DEPTH_MAX = 256;

export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

/** The canonical text of a JSON value. Throws JsonSyntaxError. */
export function canonicalJson(text: string): string {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** The members of a JSON object with canonical values, in order, the last of equal names kept; undefined for any other JSON. */
export function canonicalMembers(text: string): Map<string, string> | undefined {
  const reader = new Reader(text);
  if (!reader.startsObject()) return undefined;
  const members = reader.members(0);
  reader.end();
  return members;
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#space();
  }

  value(depth: number): string {
    if (depth > DEPTH_MAX) throw new JsonSyntaxError(`nested deeper than ${DEPTH_MAX}`);
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return JSON.stringify(this.#string());
      case "t":
        return this.#word("true");
      case "f":
        return this.#word("false");
      case "n":
        return this.#word("null");
      default:
        return this.#number();
    }
  }

  startsObject(): boolean {
    return this.#text[this.#at] === "{";
  }

  members(depth: number): Map<string, string> {
    const members = new Map<string, string>();
    this.#expect("{");
    if (this.#skip("}")) return members;
    do {
      const name = this.#string();
      this.#expect(":");
      members.set(name, this.value(depth + 1));
    } while (this.#skip(","));
    this.#expect("}");
    return members;
  }

  end(): void {
    if (this.#at < this.#text.length) this.#fail();
  }

  #object(depth: number): string {
    const members = [...this.members(depth)].sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
  }

  #array(depth: number): string {
    const items: string[] = [];
    this.#expect("[");
    if (this.#skip("]")) return "[]";
    do items.push(this.value(depth + 1));
    while (this.#skip(","));
    this.#expect("]");
    return `[${items.join(",")}]`;
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') this.#fail();
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    const token = this.#text.slice(this.#at, end + 1);
    try {
      const text: unknown = JSON.parse(token);
      this.#at = end + 1;
      this.#space();
      return text as string;
    } catch {
      return this.#fail();
    }
  }

  /** Sign, digits without zeros at either end, power of ten: unique for each number. */
  #number(): string {
    NUMBER.lastIndex = this.#at;
    const token = NUMBER.exec(this.#text);
    if (!token) return this.#fail();
    this.#at = NUMBER.lastIndex;
    this.#space();
    const [, sign = "", whole = "", fraction = "", power = "0"] = token;
    const digits = withoutLeadingZeros(whole + fraction);
    const coefficient = withoutTrailingZeros(digits);
    if (coefficient === "") return "0";
    return `${sign}${coefficient}e${BigInt(power) - BigInt(fraction.length) + BigInt(digits.length - coefficient.length)}`;
  }

  #word(word: string): string {
    if (!this.#text.startsWith(word, this.#at)) this.#fail();
    this.#at += word.length;
    this.#space();
    return word;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#space();
    return true;
  }

  #expect(character: string): void {
    if (!this.#skip(character)) this.#fail();
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #fail(): never {
    throw new JsonSyntaxError(`unexpected ${this.#at < this.#text.length ? "character" : "end"} at ${this.#at}`);
  }
}

// By hand: a pattern such as /0+$/ takes quadratic time on long runs of zeros inside.
function withoutLeadingZeros(digits: string): string {
  let start = 0;
  while (digits[start] === "0") start++;
  return digits.slice(start);
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}
