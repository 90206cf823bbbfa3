import { createHash } from "node:crypto";

/** So many bytes, the same for the same word, and hard to compress. */
export function noise(bytes: number, word: string): Uint8Array {
  return new Uint8Array(createHash("shake256", { outputLength: bytes }).update(word).digest());
}
