import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { root } from "../setup/places.mjs";

/**
 * @typedef {{ passed: number, failed: number, skipped: { name: string, why: string }[], failures: string[] }} Totals
 * What a whole test run came to. What failed outside of a test (a file that cannot be loaded, a hook, an error that nobody
 * caught) counts as one failure each.
 */

/**
 * A reporter of vitest's that counts tests for `npm test`, and writes the totals as JSON to the file that CCR_TEST_TOTALS names.
 */
export default class TotalsReporter {
  /**
   * @param {ReadonlyArray<import("vitest/node").TestModule>} modules
   * @param {ReadonlyArray<{ message?: string }>} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.CCR_TEST_TOTALS;
    if (file === undefined) return;
    writeFileSync(file, JSON.stringify(totals(modules, unhandledErrors)));
  }
}

/**
 * @param {ReadonlyArray<import("vitest/node").TestModule>} modules
 * @param {ReadonlyArray<{ message?: string }>} unhandledErrors
 * @returns {Totals}
 */
const totals = (modules, unhandledErrors) => {
  /** @type {Totals} */
  const sum = { passed: 0, failed: 0, skipped: [], failures: [] };
  const fail = (/** @type {string} */ name) => {
    sum.failed++;
    sum.failures.push(name);
  };
  for (const module of modules) {
    const place = relative(root, module.moduleId);
    if (module.errors().length > 0) fail(`${place} (could not be run)`);
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) fail(`${place} > ${suite.fullName} (its set-up or clean-up)`);
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      const name = `${place} > ${test.fullName}`;
      if (result.state === "passed") sum.passed++;
      else if (result.state === "failed") fail(name);
      else sum.skipped.push({ name, why: (result.state === "skipped" && result.note) || "no reason given" });
    }
  }
  for (const error of unhandledErrors) fail(`outside of a test: ${error.message ?? "an error that nobody caught"}`);
  return sum;
};
