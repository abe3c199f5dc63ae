import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pinnedNode, temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { runQuietly } from "../setup/commands.mjs";
import { root } from "../setup/places.mjs";

const FILES = {
  "passes.test.ts": `import { test } from "vitest"; test("one", () => {}); test("two", () => {});`,
  "fails.test.ts": `import { expect, test } from "vitest"; test("wrong", () => { expect(1).toBe(2); });`,
  "skips.test.ts": `import { test } from "vitest"; test("needs", ({ skip }) => skip("no engine here")); test.skip("off", () => {});`,
  "broken.test.ts": `import "./nowhere.ts"; import { test } from "vitest"; test("never", () => {});`,
  "hook.test.ts": `import { beforeAll, describe, test } from "vitest";
    describe("group", () => { beforeAll(() => { throw new Error("no"); }); test("inside", () => {}); });`,
  "late.test.ts": `import { test } from "vitest"; test("leaves an error", async () => { Promise.reject(new Error("floating")); });`,
};

test("counts every way in which a test run can fail", async () => {
  await using folder = await temporaryFolder();
  await mkdir(folder.join("tests"));
  await symlink(join(root, "node_modules"), folder.join("node_modules"));
  for (const [name, text] of Object.entries(FILES)) await writeFile(folder.join("tests", name), text);
  const reporter = join(import.meta.dirname, "totals-reporter.mjs");
  const env = { ...process.env, CCR_TEST_TOTALS: folder.join("totals.json") };
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", "--root", folder.join("tests"), `--reporter=${reporter}`];
  const run = await runQuietly(pinnedNode, args, { env });
  expect(run.ok).toBe(false);
  const totals = JSON.parse(await readFile(folder.join("totals.json"), "utf8"));
  expect(totals.passed).toBe(3);
  expect(totals.failures.toSorted()).toEqual([
    expect.stringMatching(/tests\/broken\.test\.ts \(could not be run\)$/),
    expect.stringMatching(/tests\/fails\.test\.ts > wrong$/),
    expect.stringMatching(/tests\/hook\.test\.ts > group \(its set-up or clean-up\)$/),
    expect.stringMatching(/^outside of a test: floating$/),
  ]);
  expect(totals.failed).toBe(4);
  const whys = totals.skipped.map(({ name, why }: { name: string; why: string }) => `${name.split("/").at(-1)}: ${why}`);
  expect(whys.toSorted()).toEqual([
    "hook.test.ts > group > inside: no reason given",
    "skips.test.ts > needs: no engine here",
    "skips.test.ts > off: no reason given",
  ]);
});
