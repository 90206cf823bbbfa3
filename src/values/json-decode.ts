import { malformed } from "./fault.ts";
import { emptyMap, Float, floatOf, integerOf, type Plain, type PlainMap, valueDepthMax } from "./value.ts";

/**
 * Decodes JSON without loss, see `Plain`: a number with a point or an exponent is a float, and −0 is one as well.
 * Of a key that is there twice the last one counts, as everywhere. Throws VALUE_MALFORMED with the offset.
 */
export function decodeJson(bytes: Uint8Array): Plain {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw malformed("JSON that is not UTF-8,", firstBadByte(bytes));
  }
  return new Parser(text).parse();
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where decoding first fails: bisects for the longest prefix that streams through the decoder. */
function firstBadByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
/** What a text holds up to its end, an escape, or a character that must be escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in texts.
const plainText = /[^"\\\u0000-\u001f]*/y;
const blank = /[ \t\n\r]*/y;
const escapes: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Plain {
    const value = this.#value(0);
    if (this.#at !== this.#text.length) this.#fail("text after the end of the JSON value");
    return value;
  }

  /** A value and the blanks around it. */
  #value(depth: number): Plain {
    this.#skipBlanks();
    const value = this.#bare(depth);
    this.#skipBlanks();
    return value;
  }

  #bare(depth: number): Plain {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#map(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #map(depth: number): PlainMap {
    if (depth >= valueDepthMax) this.#fail(`nested deeper than ${valueDepthMax}`);
    const map = emptyMap();
    this.#at++;
    this.#skipBlanks();
    if (this.#takes("}")) return map;
    do {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') this.#fail("expected a key");
      const key = this.#string();
      this.#skipBlanks();
      if (!this.#takes(":")) this.#fail("expected a colon");
      map[key] = this.#value(depth + 1);
    } while (this.#takes(","));
    if (!this.#takes("}")) this.#fail("expected a comma or the end of the object");
    return map;
  }

  #array(depth: number): Plain[] {
    if (depth >= valueDepthMax) this.#fail(`nested deeper than ${valueDepthMax}`);
    const array: Plain[] = [];
    this.#at++;
    this.#skipBlanks();
    if (this.#takes("]")) return array;
    do array.push(this.#value(depth + 1));
    while (this.#takes(","));
    if (!this.#takes("]")) this.#fail("expected a comma or the end of the array");
    return array;
  }

  #string(): string {
    this.#at++;
    let text = this.#match(plainText)[0];
    for (;;) {
      if (this.#takes('"')) return text;
      if (!this.#takes("\\")) this.#fail("expected the end of the text");
      text += this.#escape();
      text += this.#match(plainText)[0];
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? "";
    this.#at++;
    if (letter === "u") {
      const digits = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail("expected four hexadecimal digits");
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = escapes[letter];
    if (character === undefined) this.#fail("an escape that JSON does not have");
    return character;
  }

  #number(): Plain {
    const [text, fraction, exponent] = this.#match(number);
    if (!text) this.#fail("expected a JSON value");
    if (fraction === undefined && exponent === undefined) {
      return text === "-0" ? new Float(-0) : integerText(text);
    }
    const value = Number(text);
    if (!Number.isFinite(value)) this.#fail("a number beyond what a float holds");
    return floatOf(value);
  }

  #word(word: string, value: Plain): Plain {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("expected a JSON value");
    this.#at += word.length;
    return value;
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? ([""] as unknown as RegExpExecArray);
    this.#at += match[0].length;
    return match;
  }

  #takes(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    const code = this.#text.charCodeAt(this.#at);
    if (code <= 0x20) this.#match(blank);
  }

  #fail(message: string): never {
    throw malformed(message, Buffer.byteLength(this.#text.slice(0, this.#at)));
  }
}

function integerText(text: string): number | bigint {
  return text.length <= 15 ? Number(text) : integerOf(BigInt(text));
}
