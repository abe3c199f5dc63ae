import { chmod, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { BatchId, type Run } from "@ccr/protocol";
import { createGitRepository } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { openGitHost } from "../src/git-host.ts";
import { turnsOf } from "../src/scripted.ts";
import { type Stack, startStack } from "../src/stack.ts";

/** The work is wrong at first, and right once the output of the check was told. */
const scenario = {
  name: "results",
  rules: [
    { match: { contains: "the-answer-is-wrong" }, turns: turnsOf("echo right > answer.txt", "It is repaired.") },
    { match: { contains: "Write the answer" }, turns: turnsOf("echo left > answer.txt", "All tests pass!") },
    { turns: turnsOf("echo more > more.txt", "There is more.") },
  ],
};
const CHECK = "grep -q right answer.txt || { echo the-answer-is-wrong; exit 3; }";
const STEPS = [
  { instructions: "Write the answer.", checks: `$ ${CHECK}` },
  { instructions: "Write some more.", checks: "$ test -f more.txt" },
];

let browser: Browser;
let stack: Stack;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack({ driver: "bubblewrap", scenario }), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
});

const repositoryOf = async (name: string): Promise<string> =>
  (await createGitRepository({ path: `${stack.repositories}/${name}`, files: { "README.md": "# x\n" } })).path;
const finished = async (name: string, repository: string, steps = STEPS): Promise<Run> => {
  const { client, untilFinal } = stack.server;
  const task = await client.tasks.create.mutate({ name, steps });
  return untilFinal((await client.runs.create.mutate({ taskId: task.id, repository })).id);
};

it("shows the attempts of each step, what their checks printed, what was used, and each message as it is stored", async () => {
  const run = await finished("Answer", await repositoryOf("answer"));
  expect(run.reason).toBe("passed");
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/runs/${run.id}`);

  const rail = page.getByRole("complementary", { name: "Steps" });
  await expect
    .poll(() => rail.getByRole("link", { name: /^Attempt/ }).allTextContents())
    .toEqual(["Attempt 1 of 2", "Attempt 2 of 2"]);
  const [first, second] = [1, 2].map((attempt) => rail.getByRole("list", { name: `Checks of step 1, attempt ${attempt}` }));
  await second?.getByText("exit code 0").waitFor();
  await rail.getByRole("list", { name: "Checks of step 2" }).getByText("exit code 0").waitFor();
  expect(await rail.getByText("the-answer-is-wrong", { exact: true }).count()).toBe(0);
  await first?.getByRole("button", { name: /exit code 3/ }).press("Enter");
  await first?.getByText("the-answer-is-wrong", { exact: true }).waitFor();
  await rail.getByRole("link", { name: "Attempt 2 of 2" }).click();
  await page.waitForURL(/#m\d+$/);
  await page.getByRole("log").getByText("Attempt 2: what the agent was told").waitFor();

  const tabs = page.getByRole("navigation", { name: "What is shown of the run" });
  await tabs.getByRole("link", { name: "Usage" }).click();
  const bySteps = page.getByRole("region", { name: "By step", exact: true });
  await expect
    .poll(() => bySteps.getByRole("rowheader").allTextContents())
    .toEqual(["Step 1, attempt 1", "Step 1, attempt 2", "Step 2"]);
  // The parts are the whole.
  const costs = await bySteps.getByRole("row").locator("td:last-child").allTextContents();
  const whole = costs.reduce((sum, cost) => sum + Number(cost.replace("$", "")), 0);
  expect(whole).toBeGreaterThan(0);
  expect(Math.abs(whole - run.usage.costUsd)).toBeLessThan(0.02);
  await page.getByText(`${run.usage.turns} model calls`).waitFor();
  await page
    .getByRole("region", { name: "By model", exact: true })
    .getByText(/^claude-/)
    .first()
    .waitFor();

  await tabs.getByRole("link", { name: "Raw" }).click();
  await page.getByText(`${run.lastSeq} messages`, { exact: true }).waitFor();
  const messages = page.getByRole("region", { name: "Messages" });
  await messages.getByRole("button").first().click();
  const [stored] = await stack.server.client.runs.messages.query({ id: run.id, after: 0, limit: 1 });
  const shown = page.getByRole("region", { name: "Message 1" });
  expect(JSON.parse((await shown.locator("pre").textContent()) ?? "")).toEqual(stored);
  await shown.getByRole("button", { name: "Close the message" }).click();
  await shown.waitFor({ state: "detached" });
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download JSON lines" }).click();
  const lines = (await readFile(await (await download).path(), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(run.lastSeq);
  expect(lines.map((line) => JSON.parse(line).seq)).toEqual(lines.map((_, index) => index + 1));
  expect(offences).toEqual([]);
});

it("is pushed from the page, again when that was refused, and not once its work was cleaned up", async () => {
  await using host = await openGitHost();
  const run = await finished("Push it", host.repository);
  const hook = `${host.bare}/hooks/pre-receive`;
  await writeFile(hook, "#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n");
  await chmod(hook, 0o755);
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/runs/${run.id}`);
  const dialog = page.getByRole("alertdialog", { name: "Push the result" });
  const push = async (button: string, branch: string): Promise<void> => {
    await page.getByRole("button", { name: button, exact: true }).click();
    await dialog.getByLabel("Branch", { exact: true }).fill(branch);
    await dialog.getByRole("button", { name: "Push", exact: true }).click();
  };
  await push("Push the result", "no branch");
  await dialog.getByText("Cannot be the name of a branch").waitFor();
  await dialog.getByLabel("Branch", { exact: true }).fill("work/mine");
  await dialog.getByRole("button", { name: "Push", exact: true }).click();
  const result = page.getByRole("region", { name: "Result" });
  await result.getByRole("alert").getByText("this branch is protected", { exact: false }).waitFor();
  expect(await host.git("branch", "--format=%(refname:short)")).toBe("main");

  await rm(hook);
  await push("Push again", "work/mine");
  await result.getByText("work/mine", { exact: true }).waitFor();
  expect(await result.getByRole("alert").count()).toBe(0);
  expect(await host.git("show", "work/mine:answer.txt")).toBe("right");

  // In the settings, room is made of all that no run needs any more.
  const kept = () => readdir(stack.folder.join("data", "kept"));
  expect(await kept()).toContain(run.id);
  await page.goto(`${stack.server.url}/settings/disk`);
  const work = page.getByRole("group").filter({ hasText: "Bundles, patches and conversations of runs" });
  await work.waitFor();
  await page.getByRole("button", { name: "Clean up" }).click();
  const question = page.getByRole("dialog", { name: "Make room now" });
  await question.getByLabel("Mirrors not used for: days").fill("0");
  await question.getByRole("checkbox", { name: "Kept work of runs that ended before" }).check();
  await question.getByLabel("Kept work of runs that ended before: days").fill("0");
  await question.getByRole("button", { name: "Remove", exact: true }).click();
  const told = page.getByText(/^(Removed|There was)/).first();
  expect(await told.textContent()).toMatch(/^Removed the work of \d runs?, \d mirrors?, which freed/);
  expect(await kept()).toEqual([]);
  const disk = await stack.server.client.server.disk.query();
  expect([disk.work.count, disk.mirrors.count]).toEqual([0, 0]);
  await page.goto(`${stack.server.url}/runs/${run.id}`);
  await push("Push again", "work/other");
  await result.getByRole("alert").getByText("Nothing of its work is kept on this server.").waitFor();
  expect(await host.git("branch", "--format=%(refname:short)")).toBe("main\nwork/mine");
  expect(offences).toEqual([]);
});

it("of several runs that compete is compared and chosen, from the launch on", async () => {
  const { client } = stack.server;
  const repository = await repositoryOf("compete");
  const task = await client.tasks.create.mutate({
    name: "Compete",
    steps: [{ instructions: "Write something.", checks: "$ test -f more.txt" }],
  });
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/tasks/${task.id}`);
  const form = page.getByRole("region", { name: "Launch" });
  await form.getByLabel("Repository").fill(repository);
  await form.getByRole("button", { name: "Several at once" }).click();
  await form.getByLabel("Runs for each of them").fill("two");
  await form.getByRole("button", { name: /^Launch/ }).click();
  await form.getByLabel("Runs for each of them").and(page.locator("[aria-invalid=true]")).waitFor();
  expect(await client.batches.list.query({})).toEqual([]);
  await form.getByLabel("Runs for each of them").fill("2");
  await form.getByRole("button", { name: "Launch 2 runs" }).click();
  await page.waitForURL(/\/batches\/bat_/);
  const id = BatchId.parse(new URL(page.url()).pathname.split("/").at(-1));
  await page.getByText("2 of 2 passed.", { exact: false }).waitFor();
  await page
    .getByRole("link", { name: `Compare the runs of ${repository}` })
    .first()
    .click();

  await page.waitForURL(/\/groups\/1$/);
  for (const name of ["run 1", "run 2"])
    await page
      .getByRole("region", { name: `Changes of ${name}` })
      .getByText("more.txt")
      .first()
      .waitFor();
  await page.getByRole("checkbox", { name: "Show the changes of run 1" }).uncheck();
  await page.getByRole("region", { name: "Changes of run 1" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Choose run 2" }).click();
  const question = page.getByRole("alertdialog", { name: "Choose run 2?" });
  await question.getByText("1 run that has ended is marked as closed.").waitFor();
  await question.getByRole("button", { name: "Choose it" }).click();
  await page.getByText("Chosen; 1 other run closed.").first().waitFor();
  const rows = page.getByRole("list", { name: "Runs that compete" }).getByRole("listitem");
  await rows.nth(1).getByText("Chosen", { exact: true }).waitFor();
  await rows.nth(0).getByText("closed", { exact: true }).waitFor();
  expect((await client.batches.runs.query({ id, limit: 10 })).map(({ mark }) => mark)).toEqual(["closed", "chosen"]);
  expect(offences).toEqual([]);
});
