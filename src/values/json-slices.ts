import { decodeJson } from "./json-decode.ts";

/**
 * A JSON document taken apart without being rewritten: every part is the text that stands in the document, so that
 * 1e2, a key that is there in another order and an escape stay as they are.
 */
export type JsonSlice = string;

/** The members of an object; of a key that is there twice the last one. Undefined when the JSON is no object. */
export function sliceObject(json: JsonSlice): Map<string, JsonSlice> | undefined {
  const slicer = new Slicer(json);
  return slicer.opens("{") ? slicer.members() : undefined;
}

/** The elements of an array. Undefined when the JSON is no array. */
export function sliceArray(json: JsonSlice): JsonSlice[] | undefined {
  const slicer = new Slicer(json);
  return slicer.opens("[") ? slicer.elements() : undefined;
}

/** The document's text, which is then safe to take apart. Throws VALUE_MALFORMED with the offset. */
export function jsonDocument(bytes: Uint8Array): JsonSlice {
  decodeJson(bytes);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

const blank = /[ \t\n\r]*/y;
const string = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const scalar = /[^,\]}\s]+/y;
/** What stands between two brackets or texts. */
const filling = /[^"[\]{}]*/y;

class Slicer {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skip(blank);
  }

  opens(bracket: "{" | "["): boolean {
    return this.#takes(bracket);
  }

  members(): Map<string, JsonSlice> {
    const members = new Map<string, JsonSlice>();
    if (this.#takes("}")) return members;
    do {
      const key = JSON.parse(this.#skip(string)) as string;
      this.#skip(blank);
      this.#takes(":");
      members.set(key, this.#value());
    } while (this.#takes(","));
    return members;
  }

  elements(): JsonSlice[] {
    const elements: JsonSlice[] = [];
    if (this.#takes("]")) return elements;
    do elements.push(this.#value());
    while (this.#takes(","));
    return elements;
  }

  #value(): JsonSlice {
    const start = this.#at;
    const first = this.#text[this.#at];
    if (first === '"') this.#skip(string);
    else if (first === "{" || first === "[") this.#skipNested();
    else this.#skip(scalar);
    const slice = this.#text.slice(start, this.#at);
    this.#skip(blank);
    return slice;
  }

  /** By counting brackets: nesting has no bound here. */
  #skipNested(): void {
    let depth = 0;
    do {
      this.#skip(filling);
      const character = this.#text[this.#at];
      if (character === '"') {
        this.#skip(string);
        continue;
      }
      this.#at++;
      depth += character === "{" || character === "[" ? 1 : -1;
    } while (depth > 0 && this.#at < this.#text.length);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** A character, and the blanks after it. */
  #takes(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skip(blank);
    return true;
  }
}
