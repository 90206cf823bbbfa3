import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** What says nothing unless it takes hours is for `make soak` alone. */
const soak = process.env.CAIRN_SOAK === undefined ? [] : ["test/**/*.soak.ts"];

/** What needs programs in other languages, which their suites build. */
const languages = process.env.CAIRN_LANGUAGES === undefined ? [] : ["test/languages/**/*.languages.ts"];

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "clients/typescript/**/*.test.ts", ...soak, ...languages],
    globalSetup: ["test/support/global-setup.ts"],
    // Processes, so that a test that dies or blocks takes no other with it.
    pool: "forks",
    // Most files wait for servers that start, die and stop: on a machine of two cores, one at a time leaves half of it idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
