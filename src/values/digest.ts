import { createHash, hash } from "node:crypto";

/** SHA-256 over the parts, one after the other. */
export function sha256(...parts: (string | Uint8Array)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 of a text, in hexadecimal: all at once, as that is quicker for what is short. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}
