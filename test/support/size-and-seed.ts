/** `make soak`: the long tests at full size. */
export const isSoak = process.env.CAIRN_SOAK !== undefined;

/** What the generators of this run start from. CAIRN_SEED repeats a run. */
export const seed = Number(process.env.CAIRN_SEED ?? Math.trunc(Math.random() * 2 ** 31));

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
export function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
