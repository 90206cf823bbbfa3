// Mermaid itself, as far as it goes without a browser: it reads a flowchart, and what it has read can be looked at.

/** A flowchart as Mermaid has read it. Texts are as a reader sees them, lines apart. */
export interface Flowchart {
  nodes: Map<string, { lines: string[]; shape: string; classes: string[] }>;
  edges: { from: string; to: string; label: string; stroke: string }[];
  subgraphs: Map<string, { lines: string[]; members: string[] }>;
}

interface Database {
  getVertices(): Map<string, { text?: string; type?: string; classes: string[] }>;
  getEdges(): { start: string; end: string; text?: string; stroke: string }[];
  getSubGraphs(): { id: string; title: string; nodes: string[] }[];
}

interface Mermaid {
  initialize(config: object): void;
  /** Makes its kinds of diagrams known. */
  parse(text: string): Promise<unknown>;
  mermaidAPI: { getDiagramFromText(text: string): Promise<{ db: unknown }> };
}

let loaded: Promise<Mermaid> | undefined;

/** Mermaid cleans texts with the DOM of its page. */
async function load(): Promise<Mermaid> {
  // Without types of its own; nothing else of it is needed.
  const { JSDOM } = (await import("jsdom" as string)) as { JSDOM: new () => { window: object & { document: object } } };
  const { window } = new JSDOM();
  Object.assign(globalThis, { window, document: window.document });
  const { default: mermaid } = (await import("mermaid" as string)) as { default: Mermaid };
  mermaid.initialize({ startOnLoad: false });
  await mermaid.parse("flowchart TD\n  a");
  return mermaid;
}

/** Reads a flowchart. Throws what Mermaid says of a text that it can't read. */
export async function readFlowchart(text: string): Promise<Flowchart> {
  loaded ??= load();
  const { mermaidAPI } = await loaded;
  const db = (await mermaidAPI.getDiagramFromText(text)).db as Database;
  const subgraphs = db
    .getSubGraphs()
    .map(({ id, title, nodes }) => [id, { lines: seen(title), members: nodes }] as const);
  const boxes = new Set(subgraphs.map(([id]) => id));
  const nodes = [...db.getVertices()].filter(([id]) => !boxes.has(id));
  return {
    nodes: new Map(
      nodes.map(([id, { text = id, type = "", classes }]) => [id, { lines: seen(text), shape: type, classes }]),
    ),
    edges: db.getEdges().map(({ start, end, text = "", stroke }) => ({
      from: start,
      to: end,
      label: seen(text).join("\n"),
      stroke,
    })),
    subgraphs: new Map(subgraphs),
  };
}

/** Mermaid keeps `#35;` as placeholders until it draws. */
function seen(text: string): string[] {
  return text.split("<br>").map((line) => line.replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(Number(code))));
}
