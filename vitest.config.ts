import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Every test file starts real processes; on two cores more workers only make each of them slower.
    maxWorkers: 2,
  },
});
