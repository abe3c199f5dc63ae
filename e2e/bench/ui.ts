import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { openSqliteStore } from "@ccr/backend/store";
import type { WorkspaceDiff } from "@ccr/protocol";
import { projectRoot, temporaryFolder } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Page } from "playwright-core";
import { visit } from "../src/browser.ts";
import { startServer } from "../src/server.ts";
import { beginRun } from "./ui-fill.ts";
import { heapMb, scroll, watchFrames } from "./ui-frames.ts";
import { measureLive, PATIENCE_MS } from "./ui-live.ts";
import { makeMessages } from "./ui-messages.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "50000" },
    rounds: { type: "string", default: "5" },
    "live-seconds": { type: "string", default: "60" },
    out: { type: "string", default: join(projectRoot, "bench-results", "ui.json") },
    help: { type: "boolean" },
  },
});
if (values.help === true) {
  process.stdout.write("npm run bench:ui -- [--messages 50000] [--rounds 5] [--live-seconds 60] [--out file.json]\n");
  process.exit(0);
}
const messages = Number(values.messages);
const LAST = "This is the last thing that was said in this run.";
const DIFF_FILES = 40;
const DIFF_LINES = 1000;

const diff = (): WorkspaceDiff => {
  const names = Array.from({ length: DIFF_FILES }, (_, index) => `src/part-${String(index).padStart(2, "0")}.ts`);
  const patch = names.map((name, file) => {
    const lines = Array.from(
      { length: DIFF_LINES },
      (_, line) => `+export const value${file}_${line} = compute(${line}, "of file ${file}");`,
    );
    return `diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1,${DIFF_LINES} @@\n${lines.join("\n")}\n`;
  });
  const files = names.map((path) => ({ path, oldPath: null, status: "added" as const, additions: DIFF_LINES, deletions: 0 }));
  return { baseCommit: "a".repeat(40), headCommit: "b".repeat(40), files, patch: patch.join(""), truncated: false };
};

/** Fills the database of a server that is yet to be started, and gives the run's address. */
const fill = async (path: string): Promise<string> => {
  await using store = await openSqliteStore({ path });
  const instructions = "Go on with the work as it is described.";
  const task = await store.tasks.create({
    name: "A long run",
    steps: Array.from({ length: 5 }, () => ({ instructions, checks: "$ npm test" })),
    allowNoChanges: false,
  });
  const { runId, fence, add } = await beginRun(store, task);
  await add(makeMessages(messages - 1, 1));
  await store.runs.saveDiff(runId, fence, diff());
  await store.runs.advance(runId, {
    from: ["starting"],
    to: "succeeded",
    fence,
    patch: {
      reason: "passed",
      sentence: LAST,
      baseCommit: "a".repeat(40),
      headCommit: "b".repeat(40),
      startedAt: "2026-11-20T08:00:00.000Z",
      endedAt: "2026-11-20T18:00:00.000Z",
    },
    message: { source: "runner", body: { type: "status", status: "succeeded", reason: "passed", sentence: LAST } },
  });
  return `/runs/${runId}`;
};

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Milliseconds from the navigation until the run's last words are drawn at the end of its transcript. */
const untilLastScreen = (page: Page): Promise<number> =>
  page.evaluate(
    (last) =>
      new Promise<number>((resolve) => {
        const look = (): void => {
          const log = document.querySelector("[role=log]");
          const row = [...(log?.querySelectorAll("[data-index]") ?? [])].at(-1);
          const isSeen =
            log !== null && row?.textContent?.includes(last) === true && row.getBoundingClientRect().top < innerHeight;
          // What was found in this frame is drawn at its end.
          if (isSeen) requestAnimationFrame(() => resolve(performance.now()));
          else requestAnimationFrame(look);
        };
        look();
      }),
    LAST,
  );

await using folder = await temporaryFolder();
const dataDir = folder.join("data");
await mkdir(dataDir, { recursive: true, mode: 0o700 });
const path = await fill(join(dataDir, "runner.db"));
await using browser = await startBrowser();
const result = await (async () => {
  await using server = await startServer({ dataDir, driver: "bubblewrap", modelUrl: "http://127.0.0.1:9" });
  await using opened = await visit(browser, server);
  const { page } = opened;
  page.setDefaultTimeout(PATIENCE_MS);
  const address = `${server.url}${path}`;
  const firsts: number[] = [];
  const wholes: number[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    await page.goto("about:blank");
    await page.goto(address, { waitUntil: "commit" });
    firsts.push(await untilLastScreen(page));
    await page.locator("[role=log][data-whole]").waitFor();
    wholes.push(await page.evaluate(() => performance.now()));
  }
  const heapLoadedMb = await heapMb(page);
  await page.getByRole("log").hover();
  const up = await watchFrames(page, () => scroll(page, { pxPerSecond: 3000, seconds: 6 }));
  const fast = await watchFrames(page, () => scroll(page, { pxPerSecond: 12_000, seconds: 4 }));
  const heapScrolledMb = await heapMb(page);
  await page.getByRole("link", { name: "Changes", exact: true }).click({ trial: true });
  await page.reload();
  await page.getByText(LAST).first().waitFor();
  await page.locator("[role=log][data-whole]").waitFor();
  const diffMs = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const tab = document.querySelector<HTMLElement>('nav a[href$="tab=changes"]');
        const startedAt = performance.now();
        tab?.click();
        // The viewer draws lines in shadow roots.
        const textOf = (root: ParentNode): string =>
          [...root.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot?.textContent ?? "").join("");
        const look = (): void => {
          const panel = document.querySelector('section[aria-label="Changes"]');
          if (panel !== null && `${panel.textContent}${textOf(panel)}`.includes('compute(3, "of file 0")'))
            requestAnimationFrame(() => resolve(performance.now() - startedAt));
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }),
  );
  return {
    messages,
    lastScreenMs: Math.round(median(firsts)),
    lastScreensMs: firsts.map(Math.round),
    everythingReadMs: Math.round(median(wholes)),
    heapLoadedMb,
    scroll: up,
    scrollFast: fast,
    heapScrolledMb,
    diffLines: DIFF_FILES * DIFF_LINES,
    diffMs: Math.round(diffMs),
  };
})();
const show = (what: string, figure: string, wanted = ""): boolean =>
  process.stdout.write(`${what.padEnd(50)} ${figure.padStart(16)}   ${wanted}\n`);
show(`last screen of ${messages.toLocaleString("en")} messages`, `${result.lastScreenMs} ms`, "< 1,000 ms");
show("everything read", `${result.everythingReadMs} ms`);
show("frames per second while scrolling, 3,000 px/s", String(result.scroll.perSecond), ">= 55");
show("frames per second while scrolling, 12,000 px/s", String(result.scrollFast.perSecond));
show("heap when everything is read", `${result.heapLoadedMb} MB`, "< 200 MB");
show("heap after scrolling", `${result.heapScrolledMb} MB`, "< 200 MB");
show(`a diff of ${result.diffLines.toLocaleString("en")} lines`, `${result.diffMs} ms`, "< 1,000 ms");
const live = await measureLive(browser, { perSecond: 200, seconds: Number(values["live-seconds"]), before: 2000 });
show("longest frame at 200 messages a second", `${live.longestMs} ms`, "<= 100 ms");
const { tasks, cpuShares } = live;
show("longest task meanwhile", `${tasks.longestMs} ms`);
show("for so long of it there was a processor", `${tasks.longestCpuMs} ms`, "the rest is waiting for other processes");
show("most that a task needed of a processor", `${tasks.mostCpuMs} ms`);
show("processors: page, its main thread alone", `${cpuShares.page}, ${tasks.cpuShare}`);
show("processors: browser, server with this bench", `${cpuShares.browser}, ${cpuShares.server}`);
show("sent, shown", `${live.sent}, ${live.shown}`, "equal");
show("followed to the end", live.isAtEnd ? "yes" : "no", "yes");
const report = {
  at: new Date().toISOString(),
  machine: {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? "",
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    node: process.version,
  },
  page: result,
  live,
};
await mkdir(dirname(values.out), { recursive: true });
await writeFile(values.out, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(`written to ${values.out}\n`);
