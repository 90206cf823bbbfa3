/**
 * Text in quotes, with what Mermaid, Markdown or HTML would read as more than text written as entities. Each line is
 * escaped for itself.
 */
export function quoted(...lines: string[]): string {
  return `"${lines.map(escaped).join("<br>")}"`;
}

function escaped(line: string): string {
  const text = line.replaceAll(/[^\p{L}\p{N} _.,:;!?=+*/()-]/gu, entity);
  // What begins like a list would be one, and asterisks and underscores around a word stress it.
  return text
    .replace(/^( *)([-+]|\d+(?=[.)]))/, (_, space, mark) => space + entities(mark))
    .replaceAll(/\*|__+/g, entities);
}

function entities(text: string): string {
  return [...text].map(entity).join("");
}

function entity(character: string): string {
  return `#${character.codePointAt(0)};`;
}
