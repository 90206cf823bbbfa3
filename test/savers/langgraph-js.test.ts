// LangGraph.js's own suite for checkpoint savers, under a name that it excuses nothing, against real servers.
import { randomUUID } from "node:crypto";
import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { CairnSaver } from "../../clients/typescript/src/langgraph/index.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import { newStore, storeKinds, type TestStore } from "../support/stores.ts";

// The suite is written for runners that make these global.
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it });

describe.each(storeKinds)("on %s", (kind) => {
  let store: TestStore;
  let server: CairnProcess;
  let admin: CairnClient;
  beforeAll(async () => {
    store = await newStore(kind);
    server = await startCairn(["--listen", "127.0.0.1:0", ...store.args]);
    admin = CairnClient.connect({ address: server.address });
  });
  afterAll(async () => {
    admin?.close();
    await server?.stop();
    await store?.remove();
  });

  const spaces = new Map<CairnSaver, string>();
  const initializer = {
    checkpointerName: "CairnSaver",
    // Each test expects a saver with nothing in it: a space of its own.
    createCheckpointer: async () => {
      const space = randomUUID();
      const saver = new CairnSaver(server.address, { space });
      spaces.set(saver, space);
      return saver;
    },
    destroyCheckpointer: async (saver: CairnSaver) => {
      saver.close();
      await admin.admin.deleteSpace({ space: spaces.get(saver) });
    },
  };
  validate(initializer);
  deltaChannelHistoryTests(initializer);
});
