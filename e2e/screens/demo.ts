import type { Browser } from "playwright-core";
import { startServer } from "../src/server.ts";
import { DATA_DIR, heading, take, text } from "./take.ts";

/** The demo, as a newcomer sees it, and everything around its run. */
export const demo = async (browser: Browser): Promise<void> => {
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
    {
      name: "task-launch",
      path: `/tasks/${task.id}`,
      ready: async (page) => {
        const form = page.getByRole("region", { name: "Launch" });
        await form.getByRole("button", { name: "Model, limits and result" }).click();
        await form.getByRole("button", { name: "Several at once" }).click();
        await form.getByRole("heading").evaluate((element) => element.scrollIntoView());
      },
    },
    {
      name: "task-new",
      path: "/tasks/new",
      ready: async (page) => {
        await page.getByLabel("Name").fill("Say what a release brings");
        await page.getByLabel("Instructions").fill("Write down in CHANGELOG.md what is new since {{since}}.");
        await page.getByLabel("Checks").fill("$ grep -q {{since}} CHANGELOG.md\nEach entry says what it means for a user.");
        await page.getByLabel("Checks").blur();
      },
    },
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
    {
      name: "run-raw",
      path: run("raw"),
      ready: async (page) => {
        await page.getByRole("region", { name: "Messages" }).getByText("assistant").first().click();
        await page.getByRole("region", { name: /^Message \d/ }).waitFor();
      },
    },
    { name: "run-steps", path: run("steps"), ready: text("node --test"), only: "phone" },
    { name: "settings", path: "/settings", ready: heading("Settings") },
    { name: "settings-budgets", path: "/settings/budgets", ready: heading("What runs cost") },
    { name: "settings-disk", path: "/settings/disk", ready: text("What takes the room") },
    { name: "settings-notifications", path: "/settings/notifications", ready: text("Notifications") },
    { name: "settings-appearance", path: "/settings/appearance", ready: text("24 hours") },
    { name: "settings-about", path: "/settings/about", ready: heading("This server") },
    { name: "login", path: "/", ready: heading("Log in"), isOutside: true },
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
