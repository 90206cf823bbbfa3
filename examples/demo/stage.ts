/** How the demo talks, and how it checks itself. */

import { isDeepStrictEqual } from "node:util";
import { style } from "../../src/commands/style.ts";

let scenes = 0;

/** The heading of a scene. */
export function scene(title: string): void {
  process.stdout.write(`\n${style("bold", `${++scenes}. ${title}`)}\n`);
}

/** What happens next, in words. */
export function say(text: string): void {
  process.stdout.write(`   ${text}\n`);
}

/** The command line that does what the demo does over gRPC. */
export function command(line: string): void {
  process.stdout.write(`   ${style("cyan", `$ ${line}`)}\n`);
}

/** What came of it. */
export function show(text: string): void {
  process.stdout.write(`${text.replaceAll(/^/gm, `     ${style("dim", "|")} `)}\n`);
}

/** The demo promised something that did not come true. */
export class Unexpected extends Error {}

/** Tells a fact after it was checked. Throws Unexpected when it is not so. */
export function expect(fact: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Unexpected(`${fact}: expected ${inOneLine(expected)}, got ${inOneLine(actual)}`);
  }
  process.stdout.write(`     ${style("green", "ok")} ${fact}\n`);
}

function inOneLine(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item)) ?? "nothing";
}
