import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** How often each node of one case ran in the present call, and how often it has failed in the whole case. */
export interface Counters {
  ran: Map<string, number>;
  failures: Map<string, number>;
}

export interface Player {
  /** Where the nodes of a case report to. */
  urlOf(caseName: string): string;
  counters(caseName: string): Counters;
  close(): Promise<void>;
}

/** The harness's side of the nodes: it counts, so that the counts survive a restart of the server under test. */
export async function startPlayer(): Promise<Player> {
  const cases = new Map<string, Counters>();
  const counters = (caseName: string): Counters => {
    const known = cases.get(caseName) ?? { ran: new Map(), failures: new Map() };
    cases.set(caseName, known);
    return known;
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const { ran, failures } = counters(decodeURIComponent(url.pathname.slice(1)));
    const name = url.searchParams.get("name") ?? "";
    if (url.searchParams.get("what") === "start") {
      ran.set(name, (ran.get(name) ?? 0) + 1);
      response.end("false");
      return;
    }
    const failed = failures.get(name) ?? 0;
    const fails = failed < Number(url.searchParams.get("times"));
    if (fails) failures.set(name, failed + 1);
    response.end(String(fails));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (caseName) => `http://127.0.0.1:${port}/${encodeURIComponent(caseName)}`,
    counters,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}
