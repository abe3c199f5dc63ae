import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take minutes first, so that no worker is left alone with one of them at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.includes("/e2e/");
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ["{packages,apps}/*/src/**/*.test.{ts,tsx}", "{executor,gateway}/src/**/*.test.ts", "{e2e,scripts}/**/*.test.ts"],
    // Starts nothing by itself; what test files share is stopped after the last one.
    globalSetup: ["./packages/testkit/src/engine-global-setup.ts"],
    // Real engines, real agents and real browsers: a time limit is here to find what hangs, not what is slow.
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // Test files start processes of their own; more at once than this only makes each of them slow.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ["default", "./scripts/testing/totals-reporter.mjs"],
  },
});
