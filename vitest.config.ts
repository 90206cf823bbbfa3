import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "clients/typescript/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // Processes, so that a test that dies or blocks takes no other with it.
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
