import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { visit } from "./src/browser.ts";
import { driversUnderTest } from "./src/drivers.ts";
import { startServer } from "./src/server.ts";
import { startStack } from "./src/stack.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

describe.each(await driversUnderTest())("in Chromium, on %s", (driver) => {
  it("starts without a key, launches the demo, and watches it succeed", async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer({ dataDir: folder.join("data"), driver, modelUrl: null, asNpmStart: true });
    await using opened = await visit(browser, server);
    const { page, offences } = opened;
    await page.getByText("Demo mode").waitFor();
    await page.getByRole("button", { name: "Launch the demo" }).click();
    await page.waitForURL(/\/runs\/run_/);
    await page.getByText("I'll look at the project first.").waitFor();
    await page.getByText("Passed", { exact: true }).first().waitFor({ timeout: 120_000 });
    await page.getByRole("link", { name: "Changes", exact: true }).click();
    await page.getByRole("navigation", { name: "Changed files" }).getByTitle("src/summary.js").waitFor();
    await page.reload();
    await page.getByRole("navigation", { name: "Changed files" }).getByTitle("src/summary.js").waitFor();
    await page.getByRole("link", { name: /^Network/ }).click();
    await page.getByRole("row").filter({ hasText: "example.com" }).filter({ hasText: "refused" }).first().waitFor();
    expect(offences).toEqual([]);
  });
});

it("creates a task, launches it, watches it work, and cancels another", async () => {
  await using stack = await startStack({
    driver: "bubblewrap",
    scenario: {
      name: "browser",
      rules: [
        {
          match: { contains: "Write the file" },
          turns: [
            { blocks: [{ type: "text", text: "I write it **now**." }, bash("echo hello > hello.txt && cat hello.txt")] },
            { blocks: [{ type: "text", text: "The file is written." }] },
          ],
        },
      ],
    },
  });
  await using repository = await createGitRepository({ path: `${stack.repositories}/browser`, files: { "README.md": "# x\n" } });
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;

  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByRole("link", { name: "New task" }).first().click();
  await page.getByLabel("Name").fill("Say hello");
  await page.getByLabel("Instructions").fill("Write the file hello.txt.");
  await page.getByLabel("Checks").fill("$ grep -q hello hello.txt");
  await page.getByRole("button", { name: "Create the task" }).click();
  await page.waitForURL(/\/tasks\/task_/);
  await page.getByLabel("Repository").fill(repository.path);
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await page.waitForURL(/\/runs\/run_/);
  await page.getByText("The file is written.").waitFor();
  await page.getByText("Passed", { exact: true }).first().waitFor();
  await page.getByText("Every step finished and its checks passed.").first().waitFor();
  await page.getByRole("link", { name: "Changes", exact: true }).click();
  await page.getByRole("navigation", { name: "Changed files" }).getByTitle("hello.txt").waitFor();
  const runPage = page.url();

  stack.model.setScenario(
    parseScenario({ name: "endless", rules: [{ turns: [{ blocks: [bash("echo tick; sleep 0.3")], repeat: 200 }] }] }),
  );
  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByRole("link", { name: "Say hello" }).first().click();
  await page.getByLabel("Repository").fill(repository.path);
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !runPage.includes(url.pathname));
  await page.getByText("tick").first().waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("Canceled", { exact: true }).first().waitFor();
  expect(offences).toEqual([]);
});
