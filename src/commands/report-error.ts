import type { CairnClientError } from "../../clients/typescript/src/index.ts";
import { CairnError } from "../errors.ts";
import { Code } from "../gen/google/rpc/code_pb.ts";
import { Exit, exitCodeOfError } from "./exit.ts";
import { jsonText } from "./json-text.ts";
import { UsageError } from "./usage-error.ts";

/** Writes an error for people or, with --json, for programs, to stderr. Gives the exit code. */
export function reportError(thrown: unknown, json: boolean): number {
  const code = exitCodeOf(thrown);
  process.stderr.write(json ? `${jsonText({ error: errorJson(thrown) })}\n` : `cairn: ${errorText(thrown)}\n`);
  if (process.env.CAIRN_DEBUG) console.error(thrown);
  return code;
}

function exitCodeOf(thrown: unknown): number {
  if (isClientError(thrown)) return exitCodeOfError(thrown);
  if (thrown instanceof UsageError) return Exit.usage;
  return Exit.failed;
}

/** By its name: the client is loaded only by commands that need it. */
function isClientError(thrown: unknown): thrown is CairnClientError {
  return thrown instanceof Error && thrown.name === "CairnClientError";
}

function errorText(thrown: unknown): string {
  if (!isClientError(thrown)) {
    const head = oneLine(thrown instanceof Error ? thrown.message : String(thrown));
    return thrown instanceof CairnError ? withFields(head, thrown.violations) : head;
  }
  const { message, codeName, reason, metadata, violations } = thrown;
  // What the message says already is not said twice.
  const dynamic = Object.entries(metadata).filter(([, value]) => !message.includes(value));
  const why = [codeName, reason, ...dynamic.map(([name, value]) => `${name}=${value}`)].filter((part) => part !== "");
  return withFields(`${oneLine(message)} (${why.join(" ")})`, violations);
}

/** A single field is part of the one line; several get a line each, all of them. */
function withFields(head: string, violations: readonly { field: string; description: string }[]): string {
  const fields = violations.map(({ field, description }) =>
    oneLine(field === "" ? description : `${field}: ${description}`),
  );
  if (fields.length > 1) return [head, ...fields.map((text) => `  ${text}`)].join("\n");
  return [head, ...fields.filter((text) => !head.includes(text))].join(": ");
}

function errorJson(thrown: unknown): Record<string, unknown> {
  if (isClientError(thrown)) {
    const { codeName, reason, message, metadata, violations } = thrown;
    return { code: codeName, reason, message, metadata, violations: violations.map((violation) => ({ ...violation })) };
  }
  if (thrown instanceof CairnError) {
    const { code, reasonName: reason, message, metadata, violations } = thrown;
    const codeName = Object.entries(Code).find(([, number]) => number === code)?.[0];
    return { code: codeName, reason, message, metadata, violations };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: thrown instanceof UsageError ? "USAGE" : "UNKNOWN",
    reason: "",
    message,
    metadata: {},
    violations: [],
  };
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
