import { type TemporaryFolder, temporaryFolder, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemsOf, settled } from "../src/accessibility.ts";
import { visit } from "../src/browser.ts";
import { type Server, startServer } from "../src/server.ts";

let folder: TemporaryFolder;
let server: Server;
let browser: Browser;
let addresses: string[];

/** Runs the demo, once by itself, once with an environment that is set up, and twice side by side; gives the address of every page. */
const fill = async ({ client, untilFinal }: Server): Promise<string[]> => {
  const { demoTaskId, demoRepository } = await client.server.info.query();
  if (demoTaskId === undefined || demoRepository === null) throw new Error("there is no demo");
  const environment = await client.environments.create.mutate({
    name: "With a set-up",
    setup: { script: "echo prepared > ~/prepared", network: "none" },
    variables: { CI: "1" },
  });
  await client.environments.setSecrets.mutate({ id: environment.id, secrets: { A_TOKEN: "not-a-real-secret" } });
  await client.environments.setDefault.mutate({ repository: "acme/tools", environmentId: environment.id });
  const launch = { taskId: demoTaskId, repository: demoRepository };
  const alone = await client.runs.create.mutate({ ...launch, environmentId: null });
  const prepared = await client.runs.create.mutate({ ...launch, environmentId: environment.id });
  const batch = await client.batches.create.mutate({
    name: "Side by side",
    taskId: demoTaskId,
    repositories: [{ repository: demoRepository }],
    attempts: 2,
    environmentId: null,
  });
  for (const { id } of [alone, prepared]) expect((await untilFinal(id, 240_000)).status).toBe("succeeded");
  await waitFor(async () => (await client.batches.byId.query({ id: batch.id })).endedAt, {
    what: "the batch to end",
    timeoutMs: 240_000,
  });
  return [
    "/",
    "/tasks",
    "/tasks/new",
    `/tasks/${demoTaskId}`,
    "/runs",
    "/runs?status=failed",
    `/runs/${alone.id}`,
    `/runs/${prepared.id}`,
    "/batches",
    `/batches/${batch.id}`,
    `/batches/${batch.id}/groups/1`,
    "/environments",
    "/environments/new",
    `/environments/${environment.id}`,
    "/instances",
    "/instances?state=stopped",
    ...["credentials", "budgets", "disk", "notifications", "appearance", "about"].map((name) => `/settings/${name}`),
    "/nowhere",
  ];
};

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataDir: folder.join("data"), driver: "bubblewrap", modelUrl: null, asNpmStart: true });
  browser = await startBrowser();
  addresses = await fill(server);
}, 600_000);
afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const problemsOfTabs = async (page: Page, where: string): Promise<string[]> => {
  const problems: string[] = [];
  for (const tab of await page.getByRole("navigation", { name: "What is shown of the run" }).getByRole("link").all()) {
    await tab.click();
    problems.push(...(await problemsOf(page, `${where}, ${(await tab.textContent())?.trim()}`)));
  }
  return problems;
};

/** What is opened over a page. */
const problemsOfWindows = async (page: Page): Promise<string[]> => {
  const problems: string[] = [];
  await page.goto(`${server.url}/environments`);
  await settled(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /Find a run/ }).fill("summary");
  await page.getByRole("option").first().waitFor();
  problems.push(...(await problemsOf(page, "the palette")));
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  problems.push(...(await problemsOf(page, "the keys")));
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "With a set-up" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").waitFor();
  problems.push(...(await problemsOf(page, "a question")));
  await page.keyboard.press("Escape");
  await page.goto(`${server.url}/settings/about`);
  await page.getByRole("button", { name: "Show the licences" }).click();
  await page.getByText("react-dom", { exact: false }).first().waitFor();
  problems.push(...(await problemsOf(page, "the licences")));
  return problems;
};

describe.each([
  { width: 1440, height: 900 },
  { width: 360, height: 740 },
])("in light and dark, $width pixels wide", ({ width, height }) => {
  it("every page and tab keeps the rules of WCAG 2.2 AA, and none scrolls sideways", { timeout: 600_000 }, async () => {
    await using opened = await visit(browser, server, { width, height });
    const { page, offences } = opened;
    const problems: string[] = [];
    for (const address of addresses) {
      await page.goto(server.url + address);
      await page.locator("main").waitFor();
      problems.push(...(await problemsOf(page, address)));
      if (/^\/runs\/run_/.test(address)) problems.push(...(await problemsOfTabs(page, address)));
    }
    problems.push(...(await problemsOfWindows(page)));
    await page.context().clearCookies();
    await page.goto(`${server.url}/runs`);
    problems.push(...(await problemsOf(page, "the login")));
    expect(problems).toEqual([]);
    expect(offences).toEqual([]);
  });
});
