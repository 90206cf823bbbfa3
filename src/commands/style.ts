import { stripVTControlCharacters, styleText } from "node:util";

type Look = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Colours text on a terminal, unless NO_COLOR says not to. */
export function style(look: Look, text: string): string {
  const noColor = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== "";
  return process.stdout.isTTY && !noColor ? styleText(look, text, { validateStream: false }) : text;
}

const looks: Record<string, Look> = {
  done: "green",
  idle: "green",
  running: "cyan",
  busy: "cyan",
  interrupted: "yellow",
  paused: "yellow",
  failed: "red",
  cancelled: "red",
  lost: "red",
};

/** A status in its colour. */
export function styledStatus(status: string): string {
  return style(looks[status] ?? "bold", status);
}

/** Rows in aligned columns under a heading; "" for no rows. The last column is as wide as it is. */
export function table(heading: string[], rows: string[][]): string {
  if (rows.length === 0) return "";
  return aligned([heading.map((title) => style("dim", title)), ...rows]);
}

/** Rows in aligned columns. */
export function aligned(rows: string[][], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell));
    });
  return rows
    .map((row) => {
      const cells = row.map((cell, i) =>
        i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - width(cell)),
      );
      return `${indent}${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}

function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** A text cut to what fits, control characters made harmless. */
export function short(text: string, max: number): string {
  const plain = printable(text);
  const letters = [...plain];
  return letters.length <= max ? plain : `${letters.slice(0, max - 1).join("")}…`;
}

/** A text from elsewhere can't move the cursor or change colours. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** A moment, to the second, in UTC; "" for none. */
export function moment(date: Date | undefined): string {
  return date ? `${date.toISOString().slice(0, 19).replace("T", " ")}Z` : "";
}

/** Columns of the terminal; plenty where there is none. */
export function columns(): number {
  return process.stdout.columns ?? 200;
}

/** A time in its largest unit that divides it: `7d`, `90m`, `1500ms`. */
export function spanText(ms: number): string {
  const units: [name: string, ms: number][] = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ];
  const [name, unitMs] = units.find(([, unitMs]) => ms % unitMs === 0) ?? ["ms", 1];
  return `${ms / unitMs}${name}`;
}
