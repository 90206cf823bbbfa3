import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { isPlainObject } from "../../clients/typescript/src/values/plain.ts";
import { parseJson } from "./json-text.ts";
import { UsageError } from "./usage-error.ts";

/** A value given as JSON, as `@FILE`, or as `-` for stdin. */
export async function readValue(argument: string, what: string): Promise<unknown> {
  return parseJson(await readText(argument), argument.startsWith("@") ? argument.slice(1) : what);
}

/** As `readValue`, for a map of channels. */
export async function readObject(argument: string, what: string): Promise<Record<string, unknown>> {
  const value = await readValue(argument, what);
  if (isPlainObject(value)) return value;
  throw new UsageError(`${what} must be a JSON object: channel name to value`);
}

async function readText(argument: string): Promise<string> {
  if (argument.startsWith("@")) return readFile(argument.slice(1));
  return argument === "-" ? text(process.stdin) : argument;
}

/** A file's text, or stdin's for `-`. */
export async function readFileOrStdin(path: string): Promise<string> {
  return path === "-" ? text(process.stdin) : readFile(path);
}

/** A file's text. */
export function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`can't read ${path}: ${code === "ENOENT" ? "there is no such file" : message}`);
  }
}
