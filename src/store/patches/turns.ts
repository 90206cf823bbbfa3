/** What is compared, copied or summed up between two turns of the event loop: a few milliseconds' work. */
export const SLICE_BYTES = 4 * 1024 * 1024;

/** Lets other work have its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
