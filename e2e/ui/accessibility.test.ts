import { type TemporaryFolder, temporaryFolder, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { visit } from "../src/browser.ts";
import { type Server, startServer } from "../src/server.ts";

/** What axe tells of a page, as far as it is read here. */
const Results = z.object({
  violations: z.array(
    z.object({ id: z.string(), help: z.string(), nodes: z.array(z.object({ html: z.string(), failureSummary: z.string() })) }),
  ),
});

const ALL_RULES = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] };
/** Those that look at colours; in the dark nothing else is different. */
const COLOUR_RULES = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

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

/** Until what the page asks for is there, and each diff is drawn. */
const settled = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => {
    const isDrawn = (diff: Element): boolean =>
      [...diff.querySelectorAll("*")].some(({ shadowRoot }) => shadowRoot?.querySelector("code") != null);
    return (
      document.querySelector(".animate-pulse") === null &&
      document.querySelector("main :is(h1, h2, p)") !== null &&
      [...document.querySelectorAll("[aria-label='Changes to the files']")].every(isDrawn)
    );
  });

const violationsOf = async (page: Page, where: string, runOnly: typeof ALL_RULES): Promise<string[]> => {
  const found = Results.parse(await page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(runOnly)} })`));
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary }) => `${where}: ${id} (${help}): ${html.slice(0, 200)}: ${failureSummary.replaceAll("\n", " ")}`,
    ),
  );
};

/** What is wrong with the page as it is shown now, in the light and in the dark. */
const problemsOf = async (page: Page, where: string): Promise<string[]> => {
  await settled(page);
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(axe.source);
  const violations = await violationsOf(page, where, ALL_RULES);
  await page.emulateMedia({ colorScheme: "dark" });
  violations.push(...(await violationsOf(page, `${where}, in the dark`, COLOUR_RULES)));
  await page.emulateMedia({ colorScheme: "light" });
  const isWide = await page.evaluate(() => {
    const pageItself = [document.documentElement, document.querySelector("main"), document.querySelector("main > div")];
    return pageItself.some((element) => element !== null && element.scrollWidth > element.clientWidth);
  });
  return isWide ? [...violations, `${where}: scrolls sideways`] : violations;
};

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
