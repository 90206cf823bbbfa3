// Loaded into the server from outside (node --expose-gc --import): on SIGUSR2 it tells what is still in use after
// garbage was collected, as a line on stderr.
process.on("SIGUSR2", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ memory: { rss, used: heapUsed + external } })}\n`);
});
