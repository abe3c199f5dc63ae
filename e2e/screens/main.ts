import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, projectRoot, waitFor } from "@ccr/testkit";
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
    // Then nothing offers to ask for it.
    await page.context().grantPermissions(["notifications"]);
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const { name, path, ready } of screens) {
        await page.goto(`${server.url}${path}`);
        await ready(page);
        await page.getByText("Loading", { exact: true }).first().waitFor({ state: "detached" });
        // Colours of code, and what is fetched late, come within this time.
        await page.waitForTimeout(700);
        await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.jpg`), type: "jpeg", quality: 86 });
      }
    }
    if (opened.offences.length > 0) throw new Error(opened.offences.join("\n"));
  }
};

const heading = (name: string) => (page: Page) => page.getByRole("heading", { name, exact: true }).first().waitFor();
const text = (said: string) => (page: Page) => page.getByText(said).filter({ visible: true }).first().waitFor();

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
          match: { contains: "licence" },
          turns: [
            { blocks: [{ type: "text", text: "There is none yet." }, bash("echo 'MIT License' > LICENSE")] },
            { blocks: [{ type: "text", text: "The licence is there." }] },
          ],
        },
        {
          match: { contains: "coverage" },
          turns: [{ blocks: [{ type: "text", text: "I could not find out how coverage is measured here." }] }],
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
  const { client } = server;
  const files = { "src/report.js": "export const month = (date) => date.getMonth() + 1;\n", "README.md": "# Reports\n" };
  const repository = await createGitRepository({ path: `${DATA_DIR}/repositories/reports`, files });
  const others = await Promise.all(
    ["ledger", "parser"].map((name) => createGitRepository({ path: `${DATA_DIR}/repositories/${name}`, files })),
  );
  const start = async (prompt: string, more: { checks?: string } = {}) =>
    (await client.runs.start.mutate({ repository: repository.path, prompt, ...more })).id;
  await client.environments.create.mutate({
    name: "Node with dependencies",
    setup: { script: "npm ci\nnpx playwright install chromium" },
    variables: { NODE_ENV: "test" },
  });
  const task = await client.tasks.create.mutate({
    name: "Add a licence",
    steps: [{ instructions: "Add the MIT licence to this repository.", checks: "$ test -s LICENSE" }],
  });
  const batch = await client.batches.create.mutate({
    taskId: task.id,
    name: "Licences everywhere",
    repositories: [repository, ...others].map(({ path }) => ({ repository: path })),
    attempts: 2,
  });
  await server.untilFinal(await start("Raise the coverage to 90 %", { checks: "$ grep -q 90 coverage.txt" }));
  await waitFor(async () => (await client.batches.byId.query({ id: batch.id })).counts.outcomes.passed === 6, {
    what: "the batch",
    timeoutMs: 120_000,
  });
  const asking = await start("Format the dates of the report with a library");
  const working = await start("Find the tests that depend on the time zone");
  await take(browser, server, [
    { name: "run-question", path: `/runs/${asking}`, ready: text("Claude Code has a question") },
    { name: "home-live", path: "/", ready: text("Needs you") },
    { name: "runs-live", path: "/runs", ready: text("Raise the coverage") },
    { name: "batches", path: "/batches", ready: text("Licences everywhere") },
    { name: "batch", path: `/batches/${batch.id}`, ready: text("Licences everywhere") },
    { name: "batch-compare", path: `/batches/${batch.id}/groups/1`, ready: text("LICENSE") },
    { name: "environments", path: "/environments", ready: text("Node with dependencies") },
    {
      name: "instances",
      path: "/instances",
      // What it takes of the processor is told by the second look.
      ready: async (page) => {
        await text("bubblewrap")(page);
        await page
          .getByText(/^\d+% of/)
          .first()
          .waitFor();
      },
    },
    {
      name: "run-terminal",
      path: `/runs/${working}?tab=terminal`,
      ready: async (page) => {
        const shell = page.getByText("Shell connected");
        const first = page.getByRole("button", { name: "Open a shell" });
        await shell.or(first).waitFor();
        if (await first.isVisible()) await first.click();
        await shell.waitFor();
        await page.locator(".xterm-screen").click();
        await page.keyboard.type("git log --oneline && ls -l src\n");
        await page.waitForTimeout(1000);
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
