import { workerTerms } from "./terms.ts";

/** A payload as it goes over a stream: at least one piece, each of `chunkBytes` at most. */
export function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  const { chunkBytes } = workerTerms;
  yield bytes.subarray(0, chunkBytes);
  for (let at = chunkBytes; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
