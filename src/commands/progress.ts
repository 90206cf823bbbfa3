const BAR_WIDTH = 24;

/** How much of a whole is done, drawn. The whole may be a guess. */
export function progressBar(done: bigint, total: bigint): string {
  const share = total === 0n ? 1 : Math.min(1, Number(done) / Number(total));
  const filled = Math.round(share * BAR_WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)} ${Math.floor(share * 100)} %`;
}

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** A line on stderr while work takes longer than a second. Only on a terminal. */
export class Progress {
  #timer: NodeJS.Timeout | undefined;
  #shown = false;

  /** Begins; `what` is asked anew each time, so that it can tell how far it is. */
  start(what: () => string): void {
    if (!process.stderr.isTTY) return;
    this.clear();
    const begunMs = performance.now();
    let frame = 0;
    this.#timer = setInterval(() => {
      const seconds = Math.floor((performance.now() - begunMs) / 1000);
      if (seconds < 1) return;
      this.#shown = true;
      const text = `${frames[frame++ % frames.length]} ${what()} · ${seconds} s`;
      process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    }, 120);
    this.#timer.unref();
  }

  /** Ends, and leaves nothing behind. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#shown) process.stderr.write("\r\x1b[K");
    this.#shown = false;
  }
}
