/** What the relay's programs say of themselves, and the files by which they are held up: in a folder that all of them know. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Language } from "../programs.ts";

/** Which language serves a node. */
export const runners: Record<string, Language> = {
  extract: "python",
  score: "rust",
  count: "typescript",
  hash: "cpp",
  approve: "cpp",
  publish: "typescript",
};

/** Who ran a node, as the thread's state has it. */
export interface Mark {
  node: string;
  language: Language;
  runtime: string;
  pid: number;
}

export class Gates {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Holds a node up once it has begun. */
  close(node: string): void {
    writeFileSync(this.#gateOf(node), "");
  }

  open(node: string): void {
    rmSync(this.#gateOf(node), { force: true });
  }

  /** The processes in which a node has begun, in order. */
  begun(node: string): number[] {
    const file = join(this.#folder, "begun");
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    return lines.flatMap((line) => (line.startsWith(`${node} `) ? [Number(line.split(" ")[1])] : []));
  }

  #gateOf(node: string): string {
    return join(this.#folder, `${node}.closed`);
  }
}
