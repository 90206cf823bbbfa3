// MongoDB in Docker: a set of one member, enough for transactions and change streams.
import { execFile } from "node:child_process";
import { GenericContainer, Wait } from "testcontainers";
import { initiate } from "./replica-set.ts";

export function dockerAnswers(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 5_000 }, (error) => resolve(!error));
  });
}

const parameters = ["--setParameter", "transactionLifetimeLimitSeconds=15"];

/** Inside and outside the container the port is the same, so that the address the member gives of itself holds. */
export async function startInDocker(port: number): Promise<{ uri: string; stop: () => Promise<void> }> {
  const container = await new GenericContainer("mongo:7.0")
    .withCommand(["mongod", "--replSet", "rs0", "--bind_ip_all", "--port", String(port), ...parameters])
    .withExposedPorts({ container: port, host: port })
    .withWaitStrategy(Wait.forLogMessage("Waiting for connections"))
    .start();
  await initiate([`127.0.0.1:${port}`], {});
  return {
    uri: `mongodb://127.0.0.1:${port}/?replicaSet=rs0&serverSelectionTimeoutMS=60000`,
    stop: async () => {
      await container.stop();
    },
  };
}
