import { type Command, InvalidArgumentError, Option } from "commander";

/** What every command that talks to a server may be told. */
export interface Flags {
  server?: string;
  space?: string;
  token?: string;
  tokenFile?: string;
  ca?: string;
  cert?: string;
  key?: string;
  insecure?: boolean;
  json?: boolean;
  /** Milliseconds. */
  timeout?: number;
}

const heading = "Connection and output:";

/** Adds the flags that all commands share. */
export function addFlags(command: Command): Command {
  const options = [
    new Option("--server <address>", "HOST:PORT of the server").env("CAIRN_SERVER").default("127.0.0.1:50051"),
    new Option("--space <name>", "the space: an isolated set of graphs and threads")
      .env("CAIRN_SPACE")
      .default("default"),
    new Option("--token <token>", "bearer token (env: CAIRN_TOKEN)"),
    new Option("--token-file <file>", "a file whose first word is the token").conflicts("token"),
    new Option("--ca <file>", "authorities (PEM) that signed the server's certificate, if not the system's"),
    new Option("--cert <file>", "client certificate (PEM), for servers that ask for one"),
    new Option("--key <file>", "key of --cert (PEM)"),
    new Option("--insecure", "no TLS beyond this machine; a token then travels in the clear"),
    new Option(
      "--timeout <time>",
      "give up after: 30, 500ms, 5m (default: 30s, runs 10m, whole stores and threads a week)",
    ).argParser(parseDuration),
    new Option("--json", "output for programs: one JSON document, or JSON lines for streams"),
  ];
  for (const option of options) command.addOption(option.helpGroup(heading));
  return command;
}

const unitsMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time that something may take: `500ms`, `30s`, `5m`, `2h`, or seconds; in milliseconds. */
export function parseDuration(text: string): number {
  const ms = parseSpan(text);
  if (ms > 2 ** 31 - 1) throw noTime();
  return ms;
}

/** Any time: as that, or `7d`. */
export function parseSpan(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(number) * (unitsMs[unit] ?? Number.NaN);
  if (!(ms > 0) || ms > Number.MAX_SAFE_INTEGER) throw noTime();
  return ms;
}

function noTime(): InvalidArgumentError {
  return new InvalidArgumentError("Expected a time such as 30, 500ms, 5m, 2h or 7d.");
}

/** A whole number from `min` up. */
export function parseCount(min: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < min) {
      throw new InvalidArgumentError(`Expected a whole number from ${min}.`);
    }
    return count;
  };
}

/** Adds one more value to an option that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
