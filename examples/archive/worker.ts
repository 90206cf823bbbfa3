// TypeScript's part of the archive: asks, and writes the page. Usage: worker.ts ADDRESS SPACE
import { renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CairnClient } from "../../clients/typescript/src/index.ts";

interface Ranked {
  file: string;
  score: number;
}

interface Packed {
  file: string;
  packed: string;
  bytes: number;
  packed_bytes: number;
  crc32: number;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

function pageOf(query: string, ranking: Ranked[], packed: Packed[], titles: Map<string, string>): string {
  const files = new Map(packed.map((one) => [one.file, one]));
  const rows = ranking.map(({ file, score }) => {
    const { packed: target = file, bytes = 0, packed_bytes = 0, crc32 = 0 } = files.get(file) ?? {};
    const link = `<a href="${escaped(encodeURI(basename(target)))}">${escaped(titles.get(file) ?? basename(file))}</a>`;
    return `<tr><td>${link}<td>${score.toFixed(2)}<td>${bytes}<td>${packed_bytes}<td>${crc32.toString(16).padStart(8, "0")}`;
  });
  const head = "<tr><th>document<th>score<th>bytes<th>packed<th>CRC-32";
  return `<!doctype html>\n<meta charset="utf-8">\n<title>${escaped(query)}</title>\n<table>\n${[head, ...rows].join("\n")}\n</table>\n`;
}

const [address = "127.0.0.1:50051", space = "default"] = process.argv.slice(2);
const client = CairnClient.connect({ address, space });
const worker = client.worker({
  id: `archive-typescript-${process.pid}`,
  nodes: {
    approve({ query, ranking, packed, unread }, context) {
      const best = ranking.slice(0, 3).map(({ file }: Ranked) => basename(file));
      const question = { publish: packed.length, query, best, unread: unread ?? [] };
      return { approved: context.interrupt(question) === true };
    },
    publish({ query, ranking, packed, documents, out }) {
      const titles = new Map<string, string>(documents.map(({ file, title }: Record<string, string>) => [file, title]));
      const page = join(out, "index.html");
      // Moved into its place, so that nobody sees half of it, however often this runs.
      writeFileSync(`${page}.new`, pageOf(query, ranking, packed, titles));
      renameSync(`${page}.new`, page);
      return { page };
    },
  },
});
process.once("SIGTERM", () => worker.stop());
await worker.run();
client.close();
