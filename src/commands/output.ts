import { jsonText } from "./json-text.ts";
import type { Progress } from "./progress.ts";

/** Where results go: for people, or one JSON document a command. */
export class Output {
  readonly json: boolean;
  readonly #progress: Progress;

  constructor(json: boolean, progress: Progress) {
    this.json = json;
    this.#progress = progress;
  }

  /** A result: JSON for programs, `text` for people. A text that is empty writes nothing. */
  result(value: unknown, text: () => string): void {
    const written = this.json ? jsonText(value) : text();
    if (written !== "") this.line(written);
  }

  /** A value as it is written for programs. */
  text(value: unknown): string {
    return jsonText(value);
  }

  /** One line, or several. */
  line(text: string): void {
    this.#progress.clear();
    process.stdout.write(`${text}\n`);
  }

  /** Something to know besides the result; not for programs. */
  note(text: string): void {
    if (this.json) return;
    this.#progress.clear();
    process.stderr.write(`${text}\n`);
  }
}
