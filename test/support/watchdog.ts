// Processes and a folder that must not outlive this process, even if it dies of SIGKILL.
import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * The shell reads the process ids that are alive, a line each time they change. When this process ends, in whatever
 * way, the pipe closes: the shell kills those of the last line and removes the folder.
 */
const script = `
trap "" INT TERM HUP
while read -r line; do pids=$line; done
[ -z "$pids" ] || { kill -KILL $pids 2>/dev/null; sleep 0.2; }
rm -rf "$1"
`;

export class Watchdog {
  readonly #shell;
  readonly #alive = new Set<number>();

  constructor(folder: string) {
    this.#shell = spawn("sh", ["-c", script, "sh", folder], { stdio: ["pipe", "ignore", "ignore"] });
    this.#shell.stdin.on("error", () => {}); // The shell is gone: nothing is left to tell it.
    this.#shell.unref();
  }

  add(pid: number): void {
    this.#alive.add(pid);
    this.#tell();
  }

  delete(pid: number): void {
    this.#alive.delete(pid);
    this.#tell();
  }

  /** Kills what is left and removes the folder. */
  async end(): Promise<void> {
    this.#shell.ref();
    const ended = once(this.#shell, "exit");
    this.#shell.stdin.end();
    await ended;
  }

  #tell(): void {
    if (this.#shell.stdin.writable) this.#shell.stdin.write(`${[...this.#alive].join(" ")}\n`);
  }
}
