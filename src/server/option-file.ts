import { readFile } from "node:fs/promises";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** Reads a file that an option names. What goes wrong is told in one line. */
export async function readOptionFile(what: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    const reasons: Record<string, string> = {
      ENOENT: "there is no such file",
      EACCES: "permission denied",
      EISDIR: "it is a folder",
    };
    throw new CairnError(
      ErrorReason.INVALID_FIELD,
      `can't read the ${what} ${file}: ${reasons[code] ?? String(cause)}`,
      {
        metadata: { file },
        cause,
      },
    );
  }
}
