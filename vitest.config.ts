import { configDefaults, defineConfig } from "vitest/config";

/** It replaces modules by others, so no test that comes after it may share its own. */
const alone = ["test/crash/durability.test.ts"];

export default defineConfig({
  test: {
    // Generous: a limit only ends what hangs, and a busy machine is many times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Test files start real processes and mostly wait for them; more on two cores only make each of them slower.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...alone],
          // A worker loads a module once: loading was a third of the fast tests' time.
          isolate: false,
        },
      },
      { extends: true, test: { name: "alone", include: alone } },
    ],
  },
});
