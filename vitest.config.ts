import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Generous: a limit only ends what hangs, and a busy machine is many times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Every test file starts real processes; on two cores more workers only make each of them slower.
    maxWorkers: 3,
  },
});
