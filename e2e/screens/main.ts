import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import { visit } from "../src/browser.ts";
import { startServer } from "../src/server.ts";

// A plain folder, since its name is seen in the pictures.
const DATA_DIR = "/tmp/claude-code-runner";

const folder = join(projectRoot, "docs", "screens");
await mkdir(folder, { recursive: true });
await rm(DATA_DIR, { recursive: true, force: true });
{
  await using server = await startServer({ dataDir: DATA_DIR, driver: "bubblewrap", modelUrl: null, asNpmStart: true });
  await using browser = await startBrowser();
  await using opened = await visit(browser, server, { width: 1440, height: 940 });
  const { page } = opened;
  await page.getByRole("button", { name: "Launch the demo" }).click();
  await page.waitForURL(/\/runs\/run_/);
  await page.getByText("Passed", { exact: true }).first().waitFor({ timeout: 120_000 });
  const log = page.getByRole("log");
  await log.hover();
  // To the step's failing test and its repair, which say most about what the page shows.
  await log.evaluate((element) => {
    element.scrollTop = element.scrollHeight * 0.45;
  });
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(folder, "run.png") });
}
await rm(DATA_DIR, { recursive: true, force: true });
process.stdout.write(`pictures are in ${folder}\n`);
