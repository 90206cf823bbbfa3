/** The nodes of the word-count graph. */

import { appendFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeFunction } from "../../src/runs/modules/api.ts";

interface FileCount {
  file: string;
  words: number;
  /** The word that is there most often. */
  most: string;
}

/** Lists the text files of a folder beside this file. */
export const listTexts: NodeFunction = async ({ folder = "texts" }) => {
  const path = inside(String(folder));
  const files = (await readdir(path)).filter((name) => name.endsWith(".txt")).sort();
  return { files: files.map((name) => join(String(folder), name)) };
};

/** Counts the words of one file. Its state is the Send's argument: `{ file }`. */
export const countWords: NodeFunction = async ({ file }, { params, threadId, signal }) => {
  const name = String(file);
  note(`begin ${threadId} ${name}`);
  const words = wordsOf(await readFile(inside(name), "utf8"));
  await readAsSlowlyAsAsked(words.length, signal);
  const most = mostFrequent(words.filter((word) => word.length >= Number(params.shortest ?? 1)));
  note(`end ${threadId} ${name}`);
  return { counts: [{ file: name, words: words.length, most } satisfies FileCount] };
};

/** Adds up what the tasks of `countWords` found. */
export const addUp: NodeFunction = (state) => {
  const counts = state.counts as FileCount[];
  const longest = counts.reduce((longer, count) => (count.words > longer.words ? count : longer));
  return { total: counts.reduce((sum, { words }) => sum + words, 0), longest: longest.file };
};

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+(?:['’]\p{L}+)*/gu) ?? [];
}

function mostFrequent(words: string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), ["", 0])[0];
}

/** The state comes from callers: a path must not lead out of this folder. */
function inside(path: string): string {
  const full = resolve(import.meta.dirname, path);
  if (relative(import.meta.dirname, full).startsWith("..")) throw new Error(`${path} is not in the example's folder`);
  return full;
}

/** A real node would wait for a model here. WORD_COUNT_WORDS_PER_SECOND makes this one slow enough to watch. */
async function readAsSlowlyAsAsked(words: number, signal: AbortSignal): Promise<void> {
  const perSecond = Number(process.env.WORD_COUNT_WORDS_PER_SECOND ?? 0);
  if (perSecond > 0) await sleep((words / perSecond) * 1_000, undefined, { signal });
}

/** A line in the file that WORD_COUNT_LOG names: what really ran, told by the node itself and not by the server. */
function note(line: string): void {
  const file = process.env.WORD_COUNT_LOG;
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}
