import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Vitest leaves one core free, of two as well: what the tests wait for are mostly processes of their own.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
