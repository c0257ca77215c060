import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Generous: a limit only ends what hangs, and a busy machine is many times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Test files start real processes and mostly wait for them; more on two cores only make each of them slower.
    maxWorkers: 3,
  },
});
