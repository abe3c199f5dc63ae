// `npm test`: every test. Arguments go to vitest: npm test -- apps/backend/src/store
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handOver, SetupError } from "./setup/commands.mjs";
import { ensureDependencies, tooOld } from "./setup/dependencies.mjs";
import { pinnedEnvironment, pinnedNode, root } from "./setup/places.mjs";
import { dim, duration, red, runScript, stage } from "./setup/stages.mjs";
import { ensureWebUi } from "./setup/web-ui.mjs";
import { leftovers } from "./testing/leftovers.mjs";
import { intoMemory } from "./testing/memory-disk.mjs";
import { ensureTestTools } from "./testing/needs.mjs";

const args = process.argv.slice(2);
// Where every tool can be had, a test that did not run is a failure: nobody is there to read that it was skipped.
const skipsFail =
  ["true", "1"].includes(process.env.CI ?? "") && !args.some((arg) => /^(-t|--testNamePattern|--shard)/.test(arg));

const runTests = async () => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "ct-"));
  const totalsFile = `${folder}.json`;
  const run = folder.slice(-9);
  const takeOff = intoMemory(folder);
  try {
    const env = { ...pinnedEnvironment(), TMPDIR: folder, CCR_TEST_RUN: run, CCR_TEST_TOTALS: totalsFile };
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const code = await handOver(pinnedNode, [vitest, "run", ...args], { cwd: root, env });
    return { code, totals: readTotals(totalsFile), left: await leftovers({ mark: `CCR_TEST_RUN=${run}`, folder }) };
  } finally {
    takeOff?.();
    rmSync(folder, { recursive: true, force: true });
    rmSync(totalsFile, { force: true });
  }
};

/**
 * @param {string} file
 * @returns {import("./testing/totals-reporter.mjs").Totals}
 */
const readTotals = (file) => {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: [], failures: ["vitest ended before it had run the tests; the lines above say why"] };
  }
};

/** @param {string} title @param {string[]} lines */
const printList = (title, lines) => {
  if (lines.length > 0) console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join("\n")}`);
};

await runScript(async () => {
  const started = performance.now();
  const problems = tooOld();
  if (problems.length > 0) throw new SetupError(problems.join("\n"));
  /** @type {{ what: string, how: string }[]} */
  let missing = [];
  await stage("dependencies", ensureDependencies);
  await stage("tools", async (say) => {
    const found = await ensureTestTools(say);
    missing = found.missing;
    return found.summary;
  });
  await stage("web UI", ensureWebUi);
  printList(
    "Not everything that tests need is here:",
    missing.map(({ what, how }) => `${what}\n    to have it: ${how}`),
  );
  const { code, totals, left } = await runTests();

  const skipped = totals.skipped.map(({ name, why }) => `${name}: ${why}`);
  const failed = totals.failed + (skipsFail ? skipped.length : 0) + (left.length > 0 ? 1 : 0);
  printList(red("Failed:"), totals.failures);
  printList(skipsFail ? red("Skipped, which counts as failed where CI is true:") : "Skipped:", skipped);
  printList(red("Left behind by the tests, which counts as one failure:"), left);
  console.log(`\n${dim(`The tests took ${duration(performance.now() - started)}`)}`);
  const skippedPart = !skipsFail && skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  console.log(`${totals.passed} passed, ${failed} failed${skippedPart}`);
  return code !== 0 ? code : failed > 0 ? 1 : 0;
});
