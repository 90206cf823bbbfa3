/** How a demo ends: well, or with 1 and one line that says why; never by hanging. */
import { say } from "./stage.ts";

export interface Demo {
  /** The whole of it. Throws when something is not as it says. */
  play(): Promise<void>;
  /** Ends what it has started, in order. */
  cleanUp(): Promise<void>;
  /** Ends it at once, whatever it is doing. */
  abort(): Promise<void>;
  patienceMs: number;
  /** What to say at the end. */
  done: string;
}

export async function runDemo({ play, cleanUp, abort, patienceMs, done }: Demo): Promise<void> {
  const fail = async (error: unknown): Promise<never> => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`demo failed: ${message.replaceAll("\n", " ")}\n`);
    await abort();
    process.exit(1);
  };
  // A demo that hangs tells nobody anything.
  const tooLong = new Error(`it took longer than ${patienceMs / 1_000} seconds`);
  const watchdog = setTimeout(() => void fail(tooLong), patienceMs);
  process.once("SIGINT", () => void fail(new Error("stopped")));
  try {
    await play();
    await cleanUp();
    clearTimeout(watchdog);
    process.stdout.write("\n");
    say(done);
  } catch (error) {
    await fail(error);
  }
}
