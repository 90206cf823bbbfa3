import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** The standard health service, for the server ("") and each of its services. Open to everybody. */
export class Health {
  readonly #names: string[];
  readonly #implementation: HealthImplementation;

  constructor(serviceNames: string[]) {
    this.#names = ["", ...serviceNames];
    this.#implementation = new HealthImplementation(Object.fromEntries(this.#names.map((name) => [name, "SERVING"])));
  }

  addTo(server: Server): void {
    this.#implementation.addToServer(server);
  }

  stopServing(): void {
    for (const name of this.#names) this.#implementation.setStatus(name, "NOT_SERVING");
  }
}
