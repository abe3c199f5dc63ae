import { type Run, RunId } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, freePort, type GitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { visit } from "../src/browser.ts";
import type { Server } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";

// Claude Code does not let a command sleep for a second; each costs processor time, which others need.
const tick = {
  type: "tool_use",
  name: "Bash",
  input: { command: "echo tick; timeout 1 tail -f /dev/null", description: "Tick" },
};
/** Works until the scenario is another one. */
const endless = parseScenario({ name: "endless", rules: [{ turns: [{ blocks: [tick], repeat: 2000 }] }] });
/** Whatever went on ends its turn with its next words. */
const done = parseScenario({
  name: "done",
  rules: [{ turns: [{ blocks: [{ type: "text", text: "That is all." }], repeat: 2000 }] }],
});

/** Asks for what it may not have, and works on. */
const refused = parseScenario({
  name: "refused",
  rules: [
    {
      turns: [
        {
          blocks: [
            { type: "tool_use", name: "Bash", input: { command: "curl -s http://wanted.example.test/", description: "Fetch" } },
          ],
        },
        { blocks: [tick], repeat: 2000 },
      ],
    },
  ],
});

let browser: Browser;
let stack: Stack;
let server: Server;
let repository: GitRepository;
const parts = new AsyncDisposableStack();

beforeAll(async () => {
  browser = await startBrowser();
  const environment = { PORT: String(await freePort()), CCR_MAX_CONCURRENT_RUNS: "1" };
  stack = parts.use(await startStack({ driver: "bubblewrap", environment }));
  server = stack.server;
  repository = parts.use(
    await createGitRepository({
      path: `${stack.repositories}/home`,
      files: { "README.md": "# x\n" },
      branches: { "feature/one": { "one.txt": "1\n" }, "release/2": { "two.txt": "2\n" } },
    }),
  );
});
afterAll(async () => {
  await parts.disposeAsync();
  await browser.close();
});

beforeEach(async () => {
  stack.model.setScenario(endless);
  const { runs } = await server.client.runs.page.query({ limit: 200 });
  await server.client.runs.cancelMany.mutate({ ids: runs.map(({ id }) => id) }).catch(() => {});
  await waitFor(async () => (await server.client.runs.overview.query()).runningTotal === 0, { what: "the runs before to end" });
  const ids = (await server.client.runs.overview.query()).attention.map(({ id }) => id);
  if (ids.length > 0) await server.client.runs.dismiss.mutate({ ids });
});

const section = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
const launch = async (prompt: string): Promise<Run["id"]> =>
  (await server.client.runs.start.mutate({ prompt, repository: repository.path })).id;
const atWork = (id: Run["id"]) =>
  waitFor(async () => (await server.client.runs.byId.query({ id })).status === "running", {
    what: "the run to be at work",
  });
const row = (page: Page, id: Run["id"]) => page.locator(`li[data-run="${id}"]`);

test("a run from one sentence: on a branch, watched at work, and seen to when it fails", async () => {
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  const prompt = page.getByLabel("What is Claude Code to do?");
  await prompt.fill("Say hello in hello.txt\nand nothing else");
  await page.getByLabel("Repository").fill(repository.path);
  await page.getByRole("button", { name: "Start" }).focus();
  await page.getByLabel("Branch, tag or commit").click();
  await page.getByRole("option", { name: /default/ }).waitFor();
  await page.getByRole("option", { name: "feature/one" }).click();
  expect(await page.getByLabel("Branch, tag or commit").inputValue()).toBe("feature/one");
  await page.getByRole("button", { name: "Checks, result and limits" }).click();
  await page.getByLabel("Checks").fill("$ false");
  // What is written outlives a reload.
  await page.waitForFunction(() => sessionStorage.getItem("ccr.draft.composer")?.includes("false") === true);
  await page.reload();
  expect(await prompt.inputValue()).toContain("Say hello");
  await prompt.press("Control+Enter");
  await page.waitForURL(/\/runs\/run_/);
  const id = RunId.parse(new URL(page.url()).pathname.split("/").at(-1));
  expect(await server.client.runs.byId.query({ id })).toMatchObject({ ref: "feature/one", taskName: "Say hello in hello.txt" });
  await page.getByRole("button", { name: "Save as a task" }).waitFor();

  await page.getByRole("link", { name: "Home" }).click();
  expect(await prompt.inputValue()).toBe("");
  expect(await page.getByLabel("Repository").inputValue()).toBe(repository.path);
  const running = section(page, "Running now");
  await running.getByText("Say hello in hello.txt").waitFor();
  await running.getByText(/Running /).waitFor();
  stack.model.setScenario(done);
  const needs = section(page, "Needs you");
  await needs.getByText("Checks failed").waitFor();
  await needs.getByText("What to do:").waitFor();
  await running.waitFor({ state: "detached" });
  await section(page, "Recent results").getByText("Say hello in hello.txt").waitFor();

  await needs.getByRole("button", { name: "Launch again" }).click();
  await page.getByText("Launched again.").first().waitFor();
  await needs.waitFor({ state: "detached" });
  await needs.getByText("Checks failed").waitFor();
  await needs.getByRole("button", { name: "Dismiss Say hello in hello.txt" }).click();
  await needs.waitFor({ state: "detached" });
  await page.reload();
  await section(page, "Recent results").getByText("Say hello in hello.txt").first().waitFor();
  expect(await needs.count()).toBe(0);
  expect(offences).toEqual([]);
});

test("a run that was started in a few words becomes a task when it is saved", async () => {
  const id = await launch("Count the files");
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
  expect(await page.getByText("Count the files").count()).toBe(0);
  await page.goto(`${server.url}/runs/${id}`);
  await page.getByRole("button", { name: "Save as a task" }).click();
  await page.getByRole("button", { name: "Save as a task" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByRole("link", { name: "Count the files" }).first().waitFor();
  expect(offences).toEqual([]);
});

test("many runs are canceled, and launched again, by one wish", async () => {
  const ids: Run["id"][] = [];
  for (const n of [1, 2, 3, 4]) ids.push(await launch(`Bulk ${n}`));
  const [first, second, third, fourth] = ids;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error("too few");
  await atWork(first);
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/runs?q=bulk`);
  await row(page, second).getByText("Next in the queue").or(row(page, second).getByText("1st of 3 in the queue")).waitFor();
  // The last is to start first.
  await row(page, fourth).getByRole("button", { name: "Start Bulk 4 sooner" }).click();
  await row(page, fourth).getByText("1st of 3 in the queue, with priority +10").waitFor();

  await row(page, fourth).getByRole("checkbox").click();
  await row(page, first)
    .getByRole("checkbox")
    .click({ modifiers: ["Shift"] });
  await page.getByText("4 runs chosen").waitFor();
  await row(page, third).getByRole("checkbox").click();
  await page.getByText("3 runs chosen").waitFor();
  await page.getByRole("region", { name: "Chosen runs" }).getByRole("button", { name: "Cancel 3" }).click();
  await page.getByRole("alertdialog", { name: "Cancel 3 runs?" }).getByRole("button", { name: "Cancel 3 runs" }).click();
  await page.getByText("3 runs canceled.").waitFor();
  for (const id of [first, second, fourth]) await row(page, id).getByText("Canceled", { exact: true }).waitFor();
  await waitFor(async () => (await server.client.runs.byId.query({ id: third })).status === "running", {
    what: "the run that was left out to start",
  });

  // Of all that fit, those alone that have ended are launched again.
  await page.getByRole("checkbox", { name: "Choose every run that is shown" }).click();
  await page.getByRole("button", { name: "Launch again 3" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Launch 3 runs" }).click();
  await page.getByText("3 runs launched again.").waitFor();
  await expect.poll(async () => (await server.client.runs.page.query({ text: "bulk" })).runs.length).toBe(7);
  await page.mouse.move(0, 0);
  await expect.poll(() => page.locator("li[data-run]").count()).toBe(7);
  expect(offences).toEqual([]);
});

test("all that fit are chosen, and canceled, also those that are not shown", async () => {
  // More than the list shows at first.
  const MANY = 53;
  await Promise.all(Array.from({ length: MANY }, (_, index) => launch(`Throng ${index + 1}`)));
  const other = await launch("Something else");
  await using opened = await visit(browser, server, { width: 390, height: 800 });
  const { page, offences } = opened;
  await page.goto(`${server.url}/runs?q=throng`);
  await expect.poll(() => page.locator("li[data-run]").count()).toBe(50);
  await page.getByRole("checkbox", { name: "Choose every run that is shown" }).click();
  const bar = page.getByRole("region", { name: "Chosen runs" });
  await bar.getByText("50 runs chosen").waitFor();
  await bar.getByRole("button", { name: "Choose all that fit" }).click();
  await bar.getByText(`${MANY} runs chosen`).waitFor();
  await bar.getByRole("button", { name: `Cancel ${MANY}` }).click();
  await page
    .getByRole("alertdialog", { name: `Cancel ${MANY} runs?` })
    .getByRole("button", { name: `Cancel ${MANY} runs` })
    .click();
  await page.getByText(`${MANY} runs canceled.`).waitFor();
  await bar.waitFor({ state: "detached" });
  const left = async (text: string) => (await server.client.runs.page.query({ text, status: ["queued", "running"] })).runs.length;
  await expect.poll(() => left("throng")).toBe(0);
  expect((await server.client.runs.byId.query({ id: other })).reason).toBeNull();
  expect(offences).toEqual([]);
});

test("a request that was refused is told of until somebody has seen it", async () => {
  stack.model.setScenario(refused);
  const id = await launch("Fetch the list");
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  const needs = section(page, "Needs you");
  await needs.getByText("Request refused").waitFor();
  await needs.getByText("The network policy refused a request to wanted.example.test.").waitFor();
  await needs.getByRole("link", { name: "See requests" }).click();
  await page.waitForURL(new RegExp(`/runs/${id}\\?tab=network`));
  await page.getByRole("button", { name: "Allow wanted.example.test:80" }).first().waitFor();
  await page.goBack();
  await needs.getByRole("button", { name: "Dismiss refused requests of Fetch the list" }).click();
  await needs.waitFor({ state: "detached" });
  await page.reload();
  await section(page, "Running now").getByText("Fetch the list").waitFor();
  expect(await needs.count()).toBe(0);
  expect(offences).toEqual([]);
});

test("filters, search and order stand in the address and outlive a reload", async () => {
  const needle = await launch("Needle in the hay");
  const other = await launch("Some hay");
  await atWork(needle);
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page.getByLabel("Search runs").fill("NEEDLE hay");
  await row(page, other).waitFor({ state: "detached" });
  await row(page, needle).waitFor();
  // Nothing waits for what was typed to be in the address: neither does a person.
  await page.getByRole("link", { name: /^Active/ }).click();
  await page.getByLabel("Sort").selectOption("costliest");
  await page.getByLabel("Filter by time").selectOption("day");
  await page.waitForURL(/sort=costliest/);
  await page.waitForURL(/period=day/);
  await page.waitForURL(/q=NEEDLE/);
  await page.reload();
  await row(page, needle).waitFor();
  expect(await page.getByLabel("Search runs").inputValue()).toBe("NEEDLE hay");
  expect(await page.getByLabel("Sort").inputValue()).toBe("costliest");
  expect(await page.getByLabel("Filter by time").inputValue()).toBe("day");
  expect(await page.locator("[aria-label='Filter by status'] [aria-current]").allInnerTexts()).toEqual([
    expect.stringMatching(/^Active/),
  ]);
  expect(await page.locator("li[data-run]").count()).toBe(1);
  await page.getByLabel("Search runs").fill("nothing has this");
  await page.getByText("No run fits this filter").waitFor();
  await page.getByRole("link", { name: "Show all runs" }).click();
  await row(page, other).waitFor();
  expect(await page.getByLabel("Search runs").inputValue()).toBe("");
  expect(offences).toEqual([]);
});

test("new runs appear at once, and wait while somebody reads the list", async () => {
  const first = await launch("Reading one");
  await using opened = await visit(browser, server);
  const { page, offences } = opened;
  await page.goto(`${server.url}/runs?q=reading`);
  await row(page, first).waitFor();
  await page.mouse.move(0, 0);
  const second = await launch("Reading two");
  await row(page, second).waitFor();
  await row(page, first).hover();
  const third = await launch("Reading three");
  await page.getByRole("button", { name: "Show 1 new run" }).waitFor();
  expect(await row(page, third).count()).toBe(0);
  await page.getByRole("button", { name: "Show 1 new run" }).click();
  await row(page, third).waitFor();
  expect(offences).toEqual([]);
});

test("a server that is killed while Home is open: it says so, and is right again by itself", async () => {
  const id = await launch("Outlive the server");
  await atWork(id);
  await using opened = await visit(browser, server);
  const { page } = opened;
  await section(page, "Running now").getByText("Outlive the server").waitFor();
  server.process.kill("SIGKILL");
  await page
    .getByText(/server cannot be reached/i)
    .first()
    .waitFor();
  // What was written meanwhile is not lost, and started once.
  await page.getByLabel("What is Claude Code to do?").fill("Written while it was away");
  await page.getByRole("button", { name: "Start" }).click();
  server = parts.use(await stack.restart());
  await page.waitForURL(/\/runs\/run_/, { timeout: 60_000 }).catch(async () => {
    // It was away for longer than is waited for: what was written is kept, and sent again by a click.
    await page.getByText("What you wrote is kept.").waitFor();
    await page.getByRole("button", { name: "Start" }).click();
    await page.waitForURL(/\/runs\/run_/);
  });
  await page.getByRole("link", { name: "Home" }).click();
  await section(page, "Running now").getByText("Outlive the server").waitFor();
  await section(page, "Queued").getByText("Written while it was away").waitFor();
  expect((await server.client.runs.page.query({ text: "written away" })).runs).toHaveLength(1);
  stack.model.setScenario(done);
  await waitFor(async () => (await server.client.runs.byId.query({ id })).status !== "running", {
    what: "the run to go on, and end",
  });
  await section(page, "Needs you").getByText("Outlive the server").waitFor();
});
