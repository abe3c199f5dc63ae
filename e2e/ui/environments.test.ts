import { readdir, writeFile } from "node:fs/promises";
import { EnvironmentId, type Run } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { turnsOf } from "../src/scripted.ts";
import { type Stack, startStack } from "../src/stack.ts";

const SECRET = "a-secret-value-of-the-page";
/** Goes on when a test lets it. */
const SCRIPT = [
  "echo begun with $PLAIN, and with $TOKEN",
  "until test -e ~/go-on; do sleep 0.05; done; rm ~/go-on",
  "mkdir deps && echo prepared > deps/token",
  "echo all is prepared",
].join("\n");

let browser: Browser;
let stack: Stack;
let repository: string;
beforeAll(async () => {
  const scenario = { name: "prepared", rules: [{ turns: turnsOf("cat deps/token > seen.txt", "It is done.") }] };
  [stack, browser] = await Promise.all([startStack({ driver: "bubblewrap", scenario }), startBrowser()]);
  const files = { "README.md": "# x\n", ".gitignore": "deps/\n", "package-lock.json": "1\n" };
  repository = (await createGitRepository({ path: `${stack.repositories}/prepared`, files })).path;
});
afterAll(async () => {
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
});

const launch = async (name: string): Promise<Run["id"]> => {
  const { client } = stack.server;
  const task = await client.tasks.create.mutate({
    name,
    steps: [{ instructions: "Do it.", checks: "$ grep prepared seen.txt" }],
  });
  return (await client.runs.create.mutate({ taskId: task.id, repository })).id;
};

/** Lets the one set-up that goes on come to its end. */
const letGoOn = async (): Promise<void> => {
  const instances = stack.folder.join("data", "instances");
  for (const name of await readdir(instances)) await writeFile(`${instances}/${name}/home/go-on`, "");
};

const passed = (page: Page) => page.getByText("Passed", { exact: true }).first().waitFor();
const confirm = async (page: Page, action: string): Promise<void> => {
  await page.getByRole("button", { name: action, exact: true }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: action }).click();
};

it("is written, refused where it is wrong, watched while it is set up, used again, set up anew, and deleted", async () => {
  const { client } = stack.server;
  await using opened = await visit(browser, stack.server, { height: 1400 });
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/environments`);
  await page.getByText("No environments yet").waitFor();
  await page.getByRole("link", { name: "New environment" }).first().click();
  const create = page.getByRole("button", { name: "Create the environment" });
  await create.click();
  await page.getByText("The name is empty").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Prepared");
  await page.getByLabel("Script").fill(SCRIPT);
  await page.getByLabel("The set-up may reach").selectOption("Nothing");
  await page.getByLabel("May take (minutes)").fill("never");
  await page.getByLabel("Variables").fill("PLAIN=a plain value");
  await create.click();
  await page.getByText(/^Between \d+ seconds and/).waitFor();
  expect(await client.environments.list.query()).toEqual([]);
  await page.getByLabel("May take (minutes)").fill("2");
  await create.click();
  await page.waitForURL(/\/environments\/env_/);
  const id = EnvironmentId.parse(new URL(page.url()).pathname.split("/").at(-1));
  expect(await client.environments.byId.query({ id })).toMatchObject({
    setup: { script: SCRIPT, network: "none", seconds: 120 },
    variables: { PLAIN: "a plain value" },
  });

  await page.getByLabel("Name of the variable").fill("TOKEN");
  await page.getByLabel("Value").fill("short");
  const keep = page.getByRole("button", { name: "Keep the secret" });
  await keep.click();
  await page.getByText("A secret has at least 8 characters").waitFor();
  await page.getByLabel("Value").fill(SECRET);
  await keep.click();
  await page.getByRole("button", { name: "Remove TOKEN" }).waitFor();
  expect(await page.content()).not.toContain(SECRET);
  const repositories = page.getByRole("region", { name: "Repositories" });
  for (const text of ["no repository at all", repository]) {
    await repositories.getByLabel("Use it for every run against").fill(text);
    await repositories.getByRole("button", { name: "Add", exact: true }).click();
    if (text !== repository) await repositories.getByRole("alert").waitFor();
  }
  await page.getByRole("button", { name: `Not that of ${repository} any more` }).waitFor();
  const environmentPage = page.url();

  // What the script prints is there while it runs; no secret is in it.
  const first = await launch("First");
  await page.goto(`${stack.server.url}/runs/${first}`);
  const log = page.getByRole("log");
  await log.getByText("begun with a plain value, and with ***").waitFor();
  expect((await client.runs.byId.query({ id: first })).status).toBe("starting");
  expect(await log.getByText("all is prepared").count()).toBe(0);
  await letGoOn();
  await passed(page);
  expect(await page.content()).not.toContain(SECRET);
  expect(
    (await client.runs.messages.query({ id: first, after: 0, limit: 500 })).map(({ body }) => JSON.stringify(body)),
  ).toContainEqual(expect.stringContaining("all is prepared"));

  // What it left is used again, and nothing is run.
  await page.goto(environmentPage);
  const kept = page.getByRole("region", { name: "Kept results" });
  await kept.getByTitle(repository, { exact: true }).waitFor();
  const second = await launch("Second");
  await page.goto(`${stack.server.url}/runs/${second}`);
  await passed(page);
  await log.getByText("is used again", { exact: false }).first().waitFor();
  expect(await log.getByText("begun with", { exact: false }).count()).toBe(0);

  // Once it is forgotten the script runs again.
  await page.goto(environmentPage);
  await confirm(page, "Set up anew");
  await page.getByText("The next run sets it up anew.").first().waitFor();
  await kept.getByText("None yet.", { exact: false }).waitFor();
  const third = await launch("Third");
  await page.goto(`${stack.server.url}/runs/${third}`);
  await log.getByText("begun with a plain value, and with ***").waitFor();
  await letGoOn();
  await passed(page);

  // It is set up by itself, without an agent; where that fails, it is told on its own page, with what the script said.
  const setUpNow = async (): Promise<void> => {
    await page.goto(environmentPage);
    await kept.getByLabel("Set it up for").fill(repository);
    await kept.getByLabel("Branch, tag or commit").fill("main");
    await kept.getByRole("button", { name: "Set up now" }).click();
    await page.waitForURL(/\/runs\/run_/);
  };
  await client.environments.update.mutate({ id, setup: { script: "echo nothing to install from; exit 7", network: "none" } });
  await setUpNow();
  await log.getByText("nothing to install from").first().waitFor();
  await page.getByText("This run only sets its environment up.", { exact: false }).waitFor();
  expect(await page.getByRole("region", { name: "Talk to Claude Code" }).count()).toBe(0);
  await page.goto(environmentPage);
  const latest = page.getByRole("region", { name: "Latest runs" });
  await latest.getByText("exited with code 7. The last that it printed: nothing to install from", { exact: false }).waitFor();
  await page.getByLabel("Script").fill("mkdir deps && echo prepared > deps/token");
  await kept.getByText("What is not saved yet is not tried: save first.").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.", { exact: true }).first().waitFor();
  await setUpNow();
  await page.getByText("The environment is set up, and what that left is kept.", { exact: false }).first().waitFor();
  await page.goto(environmentPage);
  await kept.getByTitle(repository, { exact: true }).nth(1).waitFor();
  await latest.getByRole("link", { name: "All runs" }).click();
  await page.getByRole("link", { name: "First", exact: true }).waitFor();
  expect(await page.getByLabel("Filter by environment").inputValue()).toBe(id);

  // What a task needs stays; what nobody needs goes, with its secrets.
  const { taskId } = await client.runs.byId.query({ id: third });
  await client.tasks.update.mutate({ id: taskId, environmentId: id });
  await page.goto(environmentPage);
  await confirm(page, "Delete");
  await page.getByText('the task "Third"', { exact: false }).first().waitFor();
  await client.tasks.update.mutate({ id: taskId, environmentId: null });
  await confirm(page, "Delete");
  await page.getByText("“Prepared” was deleted.").first().waitFor();
  await page.getByText("No environments yet").waitFor();
  await waitFor(async () => !(await readdir(stack.folder.join("data", "environments"))).includes(id), { what: "no secrets" });
  await page.goto(environmentPage);
  await page.getByRole("link", { name: "See all environments" }).waitFor();
  expect(offences).toEqual([]);
});
