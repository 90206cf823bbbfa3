// A proxy before one mongod that loses chosen inserts or their answers, as a network does when it breaks.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What becomes of an insert: it passes, never arrives, is carried out and its answer lost, or is stuck half-way. */
export type Fate = "pass" | "lose request" | "lose answer" | "stall";

export interface LossyProxy {
  port: number;
  /** Decides for every message with an insert on the collection. */
  decide: (count: number) => Fate;
  lost: Record<Fate, number>;
  close(): void;
}

export async function startLossyProxy(port: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let losing = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (chunk) => {
      const isInsert = chunk.includes("\x02insert\0\x04\0\0\0log\0", 0, "latin1");
      const fate = isInsert ? proxy.decide(count++) : "pass";
      if (isInsert) proxy.lost[fate] += 1;
      if (fate === "lose request") return end();
      if (fate === "lose answer") losing = true;
      if (fate === "stall") return client.pause();
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => (losing ? end() : client.write(chunk)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: LossyProxy = {
    port: (server.address() as AddressInfo).port,
    decide: () => "pass",
    lost: noLosses(),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}

export const noLosses = (): Record<Fate, number> => ({ pass: 0, "lose request": 0, "lose answer": 0, stall: 0 });
