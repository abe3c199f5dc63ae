import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/testing/longest-first.mjs";

export default defineConfig({
  test: {
    include: ["{packages,apps}/*/src/**/*.test.{ts,tsx}", "{executor,gateway}/src/**/*.test.ts", "{e2e,scripts}/**/*.test.ts"],
    // Starts nothing by itself; what test files share is stopped after the last one.
    globalSetup: ["./packages/testkit/src/engine-global-setup.ts"],
    // Real engines, real agents and real browsers: a time limit is here to find what hangs, not what is slow.
    testTimeout: 240_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } },
    // They keep two cores busy. With three a run takes an eighth less, and what looks at one moment finds it too early more often.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ["default", "./scripts/testing/totals-reporter.mjs"],
  },
});
