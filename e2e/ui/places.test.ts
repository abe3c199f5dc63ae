import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { REAL_KEY, type Server } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });
const text = (said: string) => ({ type: "text", text: said });

const scenario = {
  name: "places",
  rules: [
    { match: { contains: "Work for long" }, turns: [{ blocks: [bash("echo tick; timeout 1 tail -f /dev/null")], repeat: 500 }] },
    { match: { contains: "Do it badly" }, turns: [{ blocks: [text("I believe that it is done.")] }] },
    {
      match: { contains: "Do it well" },
      turns: [{ blocks: [bash("echo done > done.txt")] }, { blocks: [text("It is done.")] }],
    },
  ],
};

let browser: Browser;
let stack: Stack;
let repository: string;
beforeAll(async () => {
  stack = await startStack({ driver: "bubblewrap", scenario });
  repository = (await createGitRepository({ path: `${stack.repositories}/places`, files: { "README.md": "# x\n" } })).path;
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
});

const launch = async (
  { client }: Server,
  name: string,
  task: { instructions: string; checks: string },
  environmentId?: string,
) => {
  const { id: taskId } = await client.tasks.create.mutate({
    name,
    steps: [task, { instructions: "Do it well, too.", checks: "" }],
    allowNoChanges: true,
  });
  const environment = (await client.environments.list.query()).find(({ id }) => id === environmentId);
  const { id } = await client.runs.create.mutate({
    taskId,
    repository,
    limits: { maxAttempts: 1 },
    environmentId: environment?.id ?? null,
  });
  return { id, taskId };
};

/** What has the keyboard, by its name or its tag. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement: at } = document;
    return at?.id || at?.getAttribute("aria-label") || at?.textContent?.trim() || at?.tagName || "";
  });

it("finds and goes everywhere by keyboard, and by a button on a phone", async () => {
  const { server } = stack;
  const { id } = await launch(server, "Sort the shelves", { instructions: "Do it well.", checks: "" });
  await launch(server, "Sweep the floor", { instructions: "Do it well.", checks: "" });
  await server.untilFinal(id);
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.getByRole("heading", { level: 1 }).waitFor();

  await page.keyboard.press("Tab");
  expect(await focused(page)).toBe("Skip to the page");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.id === "main");

  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: /Find a run/ });
  await field.fill("shelves sort");
  await page
    .getByRole("option", { name: /Sort the shelves/ })
    .first()
    .waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(() => focused(page)).toBe("main");

  // What stands in the instructions is found, too, on the server; what it cannot tell now is said, and asked for again.
  await page.keyboard.press("Control+k");
  await page.route(/runs\.page/, (route) => route.fulfill({ status: 500, body: "{}" }));
  await field.fill("do it well");
  await page.getByText("Not everything could be looked through.", { exact: false }).waitFor();
  await page.unroute(/runs\.page/);
  await page.getByRole("option", { name: "Look again" }).click();
  await page.getByRole("option", { name: /Sort the shelves/ }).waitFor();
  await page.getByText("Not everything could be looked through.", { exact: false }).waitFor({ state: "detached" });
  await field.fill("nothing of the kind");
  await page.getByText("Nothing is found.", { exact: false }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await page.keyboard.press("Control+k");
  await field.fill(id);
  await page.getByRole("option", { name: /Sort the shelves/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/runs/${id}`));
  await expect.poll(() => focused(page)).toBe("main");
  await page.keyboard.press("Control+k");
  await field.fill("changes");
  await page.getByRole("option", { name: "Show the tab “changes”", selected: true }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/tab=changes/);
  await page.keyboard.press("Control+k");
  await field.fill("launch again");
  await page.getByRole("option", { name: "Launch again", selected: true }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/task_/);

  // A letter is a letter while one types.
  const before = await page.getByLabel("Name").inputValue();
  await page.getByLabel("Name").fill("");
  await page.getByLabel("Name").pressSequentially("grow j k ?");
  expect(await page.getByLabel("Name").inputValue()).toBe("grow j k ?");
  expect(await page.getByRole("dialog").count()).toBe(0);
  // What is changed is asked about before one leaves.
  await page.getByLabel("Name").fill(before);
  await page.getByRole("heading", { level: 1 }).click();

  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.waitForURL(/\/tasks$/);
  await page.getByRole("link", { name: "Sweep the floor", exact: true }).waitFor();
  const rows = await page.locator("main li > a, main li > :first-child a").allTextContents();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  expect(await focused(page)).toBe(rows[0]);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/task_/);

  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keys" });
  for (const place of ["Home", "Tasks", "Runs", "Batches", "Environments", "Instances", "Settings"])
    await keys.getByText(place, { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await keys.waitFor({ state: "detached" });

  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole("button", { name: "Search and commands" }).click();
  await field.fill("settings appearance");
  await page.getByRole("option", { name: "Settings: Appearance" }).click();
  await page.waitForURL(/\/settings\/appearance/);
  expect(offences).toEqual([]);
});

it("shows what a living sandbox uses, and removes it after saying what that does", async () => {
  const { server } = stack;
  const { id } = await launch(server, "An endless one", { instructions: "Work for long.", checks: "" });
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/instances`);
  await page.getByRole("link", { name: "An endless one" }).waitFor();
  const row = page.getByRole("listitem").filter({ hasText: "An endless one" });
  await row.getByText("step 1 of 2").waitFor();
  await row
    .getByText(/^of \d+(\.\d+)? GB$/)
    .first()
    .waitFor();
  await row.getByText(/^\d+% of 200%$/).waitFor();
  await row.getByText(/^\d+ of 1,024$/).waitFor();

  await row.getByRole("button", { name: /^Remove inst_/ }).click();
  const question = page.getByRole("alertdialog");
  await question.getByText("The run “An endless one” is running at step 1 of 2. It is canceled first").waitFor();
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "detached" });
  expect(await focused(page)).toMatch(/^Remove inst_/);
  expect((await server.client.runs.byId.query({ id })).status).toBe("running");

  await page.keyboard.press("Enter");
  await question.getByRole("button", { name: "Cancel the run and remove it" }).click();
  await page.getByText("No sandbox is open").waitFor({ timeout: 90_000 });
  // The button is gone that had it.
  await page.waitForFunction(() => document.activeElement?.id === "main");
  expect((await server.client.runs.byId.query({ id })).status).toBe("canceled");
  await page.getByRole("link", { name: "Stopped" }).click();
  await page.getByRole("link", { name: "An endless one" }).waitFor();
  await page.waitForURL(/state=stopped/);
  expect(offences).toEqual([]);
});

it("cancels a run from the palette, after a question", async () => {
  const { server } = stack;
  const { id } = await launch(server, "One to cancel", { instructions: "Work for long.", checks: "" });
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/runs/${id}`);
  await page.getByText("tick").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("option", { name: "Cancel the run" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("Canceled", { exact: true }).first().waitFor();
  expect((await server.untilFinal(id)).status).toBe("canceled");
  expect(offences).toEqual([]);
});

it("tells credentials without their values, tests them, and keeps how the page looks", async () => {
  const { server } = stack;
  const { id } = await launch(server, "What it costs", { instructions: "Do it well.", checks: "" });
  await server.untilFinal(id);
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/settings`);
  await page.getByText("API key from ANTHROPIC_API_KEY", { exact: false }).waitFor();
  await page.getByRole("button", { name: "Test the credential for the model" }).click();
  await page.getByText(/takes it\.$/).waitFor();
  await page.getByText("Set GITHUB_TOKEN, or GITHUB_APP_ID", { exact: false }).waitFor();
  expect(await page.content()).not.toContain(REAL_KEY);

  await page.getByRole("link", { name: "Budgets" }).click();
  await page.getByRole("heading", { name: "What runs cost" }).waitFor();
  const today = page.getByRole("definition").first();
  await waitFor(async () => (await today.textContent()) !== "$0.00", { what: "today's cost" });
  await page.getByText("no ceiling", { exact: true }).waitFor();

  await page.goto(`${server.url}/disk`);
  await page.waitForURL(/\/settings\/disk/);
  await page.getByRole("button", { name: "Clean up" }).waitFor();

  await page.getByRole("link", { name: "Appearance" }).click();
  for (const choice of ["Dark", "Compact", "24 hours", "UTC"]) await page.getByText(choice, { exact: true }).click();
  await page.reload();
  await page.getByRole("radio", { name: "UTC" }).waitFor();
  for (const name of ["Dark", "Compact", "24 hours", "UTC"])
    expect(await page.getByRole("radio", { name, exact: true }).isChecked()).toBe(true);
  expect(await page.evaluate(() => ({ ...document.documentElement.dataset }))).toEqual({
    theme: "dark",
    density: "compact",
    clock: "24",
    zone: "utc",
  });

  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  await page.getByRole("link", { name: "About" }).click();
  await page.getByRole("button", { name: "Copy diagnostics" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain("database: sqlite");
  for (const secret of [REAL_KEY, server.token, stack.folder.path]) expect(copied).not.toContain(secret);
  await page.getByRole("button", { name: "Show the licences" }).click();
  await page.getByText("cmdk", { exact: false }).first().click();
  await page.locator("details[open] pre").getByText("Permission is hereby granted").waitFor();
  expect(offences).toEqual([]);
});

it("shows what an environment's set-up left, from which run, and throws it away", async () => {
  const { server } = stack;
  const environment = await server.client.environments.create.mutate({
    name: "Prepared",
    setup: { script: "echo preparing it; echo x > ~/prepared", network: "none" },
  });
  const { id } = await launch(server, "With a set-up", { instructions: "Do it well.", checks: "" }, environment.id);
  await server.untilFinal(id);
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/environments/${environment.id}`);
  await page.getByRole("link", { name: "What its script printed" }).click();
  await page.waitForURL(new RegExp(id));
  expect(JSON.stringify(await server.client.runs.messages.query({ id, after: 0, limit: 500 }))).toContain("preparing it");
  await page.goBack();
  await page.getByRole("button", { name: /^Throw away what was made from/ }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Throw it away" }).click();
  await page.getByText("None yet.", { exact: false }).waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "main");
  expect(await server.client.environments.setups.query({ id: environment.id })).toEqual([]);
  expect(offences).toEqual([]);
});

it("offers to load a newer version, never does it by itself, and outlives parts that are gone", async () => {
  const { server } = stack;
  await using opened = await visit(browser, server);
  const { page } = opened;
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.evaluate("window.ccrSame = true");
  const isSame = () => page.evaluate("window.ccrSame === true");
  // As after a deployment: the server has another page, whose parts are called otherwise.
  await page.route(/\/assets\/.*\.js$/, (route) => route.fulfill({ status: 404, body: "gone" }));
  await page.route(/server\.info/, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({
      response: answer,
      body: (await answer.text()).replaceAll(/"build":"[0-9a-f]+"/g, '"build":"another"'),
    });
  });
  await page.getByText("The server was updated.", { exact: false }).waitFor();
  await page.getByRole("link", { name: "Batches" }).first().click();
  await page.getByText("This part of the page could not be fetched", { exact: false }).waitFor();
  expect(await isSame()).toBe(true);
  await page.unroute(/\/assets\/.*\.js$/);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Batches" }).waitFor();
  expect(await isSame()).toBe(true);
  await page.unroute(/server\.info/);
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await page.waitForFunction("window.ccrSame === undefined");
  await page.getByRole("heading", { name: "Batches" }).waitFor();
  expect(await page.getByText("The server was updated.", { exact: false }).count()).toBe(0);
});

it("says since when the server is away, and is live again when it is back", async () => {
  await using own = await startStack({ driver: "bubblewrap" });
  await using opened = await visit(browser, own.server);
  const { page } = opened;
  const connection = page.locator("[data-connection]").first();
  await page.locator("[data-connection=live]").first().waitFor();
  // By then what the page needs to tell of it is there.
  await page.waitForResponse(/runs\.overview/);
  await own.server.stop();
  await page.getByText("The server cannot be reached.", { exact: false }).first().waitFor();
  expect(await connection.textContent()).toMatch(/Server away since \d/);
  const { port } = new URL(own.server.url);
  await using _back = await own.restart({ PORT: port });
  await page.locator("[data-connection=live]").first().waitFor();
  expect(await page.getByText("The server cannot be reached.", { exact: false }).count()).toBe(0);
  expect(await page.getByText("The server was updated.", { exact: false }).count()).toBe(0);
});

it("asks to log in where one is, and goes on there", async () => {
  const { server } = stack;
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/runs?status=failed`);
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  await page.context().clearCookies();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  expect(page.url()).toContain("/runs?status=failed");
  await page.getByLabel("Token").fill("wrong-token-wrong-token");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("This is not the server's token.", { exact: false }).waitFor();
  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  expect(page.url()).toContain("/runs?status=failed");

  // The same from the start, as with a bookmark.
  await page.context().clearCookies();
  await page.goto(`${server.url}/settings/about`);
  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(/\/settings\/about$/);
  await page.getByRole("heading", { name: "This server" }).waitFor();
  expect(offences).toEqual([]);
});
