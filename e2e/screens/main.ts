import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, projectRoot } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { visit } from "../src/browser.ts";
import { type Server, startServer } from "../src/server.ts";

/*
 * Pictures of every screen of the web UI, from real runs: `npm run screens`. Each in light and dark, on a desktop and on a phone, as
 * `<screen>-<desktop|phone>-<light|dark>.jpg`.
 */

// A plain folder, since its name is seen in the pictures.
const DATA_DIR = "/tmp/claude-code-runner";
const folder = join(projectRoot, "docs", "screens");

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** What there is to be seen: where it is, and what is done there before the picture is taken. */
type Screen = { name: string; path: string; ready: (page: Page) => Promise<unknown>; wideOnly?: true };

const take = async (browser: Browser, server: Server, screens: readonly Screen[]): Promise<void> => {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await using opened = await visit(browser, server, viewport);
    const { page } = opened;
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const { name, path, ready } of screens) {
        await page.goto(`${server.url}${path}`);
        await ready(page);
        // Colours of code, and what is fetched late, come within this time.
        await page.waitForTimeout(700);
        await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.jpg`), type: "jpeg", quality: 86 });
      }
    }
    if (opened.offences.length > 0) throw new Error(opened.offences.join("\n"));
  }
};

const heading = (name: string) => (page: Page) => page.getByRole("heading", { name, exact: true }).first().waitFor();
const text = (said: string) => (page: Page) => page.getByText(said).first().waitFor();

/** The demo, as a newcomer sees it, and everything around its run. */
const demo = async (browser: Browser): Promise<void> => {
  await using server = await startServer({ dataDir: DATA_DIR, driver: "bubblewrap", modelUrl: null, asNpmStart: true });
  const [task] = await server.client.tasks.list.query();
  if (task === undefined) throw new Error("the demo has no task");
  const { demoRepository } = await server.client.server.info.query();
  const { id } = await server.client.runs.create.mutate({ taskId: task.id, repository: demoRepository ?? "" });
  await server.untilFinal(id);
  const run = (tab: string) => `/runs/${id}${tab === "" ? "" : `?tab=${tab}`}`;
  await take(browser, server, [
    { name: "home", path: "/", ready: text("Recent") },
    { name: "tasks", path: "/tasks", ready: text(task.name) },
    { name: "task", path: `/tasks/${task.id}`, ready: heading("Launch") },
    { name: "runs", path: "/runs", ready: text(task.name) },
    {
      name: "run",
      path: run(""),
      ready: async (page) => {
        const log = page.getByRole("log");
        await log.waitFor();
        await log.hover();
        // To the step's failing test and its repair, which say most about what the page shows.
        await log.evaluate((element) => {
          element.scrollTop = element.scrollHeight * 0.5;
        });
      },
    },
    {
      name: "run-changes",
      path: run("changes"),
      ready: (page) => page.getByRole("region", { name: "Changes to the files" }).waitFor(),
    },
    { name: "run-files", path: `${run("files")}&file=src/ledger.js`, ready: text("ledger.js") },
    { name: "run-network", path: run("network"), ready: text("example.com") },
    { name: "run-usage", path: run("usage"), ready: text("tokens") },
    { name: "batches", path: "/batches", ready: heading("Batches") },
    { name: "environments", path: "/environments", ready: heading("Environments") },
    { name: "instances", path: "/instances", ready: heading("Instances") },
    { name: "settings", path: "/settings", ready: heading("Settings") },
    {
      name: "palette",
      path: "/",
      ready: async (page) => {
        await text("Recent")(page);
        await page.keyboard.press("Control+k");
        await page.getByRole("dialog").waitFor();
      },
    },
  ]);
};

const option = (label: string, description: string) => ({ label, description });
const QUESTIONS = {
  questions: [
    {
      question: "Which library should format the dates?",
      header: "Library",
      multiSelect: false,
      options: [
        option("date-fns", "Small functions, one per need; tree-shakes well."),
        option("Luxon", "Time zones and locales come along; larger."),
      ],
    },
  ],
};
const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Look around" } });

/** Runs that go on: one works, and one asks. */
const live = async (browser: Browser): Promise<void> => {
  await using model = await startScriptedModel({
    scenario: parseScenario({
      name: "screens",
      rules: [
        {
          match: { contains: "dates" },
          turns: [
            {
              blocks: [
                { type: "text", text: "The dates are put together by hand in three places." },
                bash("grep -rn getMonth src | head"),
              ],
            },
            {
              blocks: [
                { type: "text", text: "Before I replace that, I need to know one thing." },
                { type: "tool_use", name: "AskUserQuestion", input: QUESTIONS },
              ],
            },
          ],
        },
        {
          turns: [
            {
              blocks: [
                { type: "text", text: "I go through the tests, one after the other." },
                bash("ls src; timeout 2 tail -f /dev/null; echo ok"),
              ],
              repeat: 400,
            },
          ],
        },
      ],
    }),
  });
  await using server = await startServer({
    dataDir: DATA_DIR,
    driver: "bubblewrap",
    modelUrl: model.url,
    localRepositories: [`${DATA_DIR}/repositories`],
  });
  await mkdir(`${DATA_DIR}/repositories`, { recursive: true });
  const files = { "src/report.js": "export const month = (date) => date.getMonth() + 1;\n", "README.md": "# Reports\n" };
  const repository = await createGitRepository({ path: `${DATA_DIR}/repositories/reports`, files });
  const start = async (prompt: string) => (await server.client.runs.start.mutate({ repository: repository.path, prompt })).id;
  const asking = await start("Format the dates of the report with a library");
  const working = await start("Find the tests that depend on the time zone");
  await take(browser, server, [
    { name: "run-question", path: `/runs/${asking}`, ready: text("Claude Code has a question") },
    { name: "home-live", path: "/", ready: text("Needs you") },
    {
      name: "run-terminal",
      path: `/runs/${working}?tab=terminal`,
      ready: async (page) => {
        await page
          .getByRole("button", { name: /open a shell|another shell/i })
          .first()
          .click()
          .catch(() => {});
        await page.waitForTimeout(1500);
      },
    },
  ]);
};

await mkdir(folder, { recursive: true });
await rm(DATA_DIR, { recursive: true, force: true });
{
  await using browser = await startBrowser();
  await demo(browser);
  await rm(DATA_DIR, { recursive: true, force: true });
  await live(browser);
}
await rm(DATA_DIR, { recursive: true, force: true });
process.stdout.write(`pictures are in ${folder}\n`);
