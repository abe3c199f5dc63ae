import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createAccess } from "@ccr/backend/access";
import { createHttp } from "@ccr/backend/http";
import { noContext, unused } from "@ccr/backend/no-context";
import { openSqliteStore } from "@ccr/backend/store";
import { CcrError, outcomeOf, type RunId } from "@ccr/protocol";
import { projectRoot, temporaryFolder } from "@ccr/testkit";
import { getRequestListener } from "@hono/node-server";
import type { Browser } from "playwright-core";
import { beginRun } from "./ui-fill.ts";
import { type Frames, watchFrames } from "./ui-frames.ts";
import { makeMessages } from "./ui-messages.ts";
import { type TaskFigures, watchTasks } from "./ui-tasks.ts";

const TOKEN = "bench-token-of-no-worth";
const EVERY_MS = 50;
/** A machine that is busy with other things is slow, and still has figures. */
export const PATIENCE_MS = 180_000;

export type LiveFigures = Frames & {
  sent: number;
  shown: number;
  lagMs: number;
  /** What the page follows is drawn at its end: without that there would be little to draw. */
  isAtEnd: boolean;
  tasks: TaskFigures;
  /** Processors' time, in shares of one: the page with its workers and its drawing, all else of the browser, and the server with this bench. */
  cpuShares: { page: number; browser: number; server: number };
};

type Cpu = LiveFigures["cpuShares"];

/** Seconds of a processor so far. */
const cpuSeconds = async (browser: Browser): Promise<Cpu> => {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const of = (isWanted: (type: string) => boolean): number =>
    processInfo.filter(({ type }) => isWanted(type)).reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  const { user, system } = process.cpuUsage();
  const isPage = (type: string): boolean => type === "renderer";
  return { page: of(isPage), browser: of((type) => !isPage(type)), server: (user + system) / 1_000_000 };
};

/** A page that watches a run into whose store so many messages a second are written, through the real store, subscription and page. */
export const measureLive = async (
  browser: Browser,
  { perSecond, seconds, before }: { perSecond: number; seconds: number; before: number },
): Promise<LiveFigures> => {
  await using folder = await temporaryFolder();
  await using store = await openSqliteStore({ path: folder.join("live.db") });
  const task = await store.tasks.create({
    name: "A run that goes on",
    steps: [{ instructions: "x", checks: "" }],
    allowNoChanges: false,
  });
  const filling = await beginRun(store, task);
  await store.runs.advance(filling.runId, { from: ["starting"], to: "running", fence: filling.fence });
  const get = async (id: RunId) => {
    const run = await store.runs.find(id);
    if (run === null) throw new CcrError("not_found", "There is no such run.");
    return { ...run, queue: null, outcome: outcomeOf(run) };
  };
  const server = createServer(
    getRequestListener(
      createHttp({
        access: createAccess({ token: TOKEN, host: "127.0.0.1", publicUrl: null, loopbackOnly: true }),
        context: {
          ...noContext,
          tasks: store.tasks,
          runs: {
            ...noContext.runs,
            get,
            messages: (id, range) => store.transcript.read(id, range),
            follow: (id, range, signal) => store.transcript.follow(id, range, signal),
          },
        },
        downloads: { patch: unused, bundle: unused, conversation: unused, checkOutput: unused, transcript: unused },
        uiFolder: join(projectRoot, "apps/frontend/dist"),
        readiness: unused,
        metrics: { httpRequest: () => {}, render: unused },
        log: () => {},
      }).fetch,
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  try {
    const made = makeMessages(before + perSecond * seconds + 100, 7);
    const next = function* (count: number) {
      for (let index = 0; index < count; index += 1) {
        const { value, done } = made.next();
        if (done === true) return;
        yield value;
      }
    };
    let sent = await filling.add(next(before));
    await using context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${url}/login?token=${TOKEN}`);
    await page.goto(`${url}/runs/${filling.runId}`);
    await page.getByText("Live", { exact: true }).waitFor();
    const newest = () =>
      page.evaluate(() => Number(document.querySelector("[role=log]")?.getAttribute("data-last-seq") ?? Number.NaN));
    await page.locator("[role=log][data-whole]").waitFor();
    const spentBefore = await cpuSeconds(browser);
    const startedAt = performance.now();
    const { result, tasks } = await watchTasks(page, async () => {
      const frames = await watchFrames(page, async () => {
        while (performance.now() - startedAt < seconds * 1000) {
          const due = before + Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
          if (due > sent) sent += await filling.add(next(Math.min(due - sent, perSecond)));
          await delay(EVERY_MS);
        }
      });
      return { frames, spent: await cpuSeconds(browser), endedAt: performance.now() };
    });
    const { frames, spent, endedAt } = result;
    const share = (of: keyof Cpu): number => Number(((spent[of] - spentBefore[of]) / frames.seconds).toFixed(2));
    let shown = await newest();
    while (shown < sent && performance.now() - endedAt < 10_000) {
      await delay(20);
      shown = await newest();
    }
    const lagMs = Math.round(performance.now() - endedAt);
    const isAtEnd = await page.getByRole("log").evaluate((log) => log.scrollHeight - log.clientHeight - log.scrollTop < 2);
    const cpuShares = { page: share("page"), browser: share("browser"), server: share("server") };
    return { ...frames, sent, shown, lagMs, isAtEnd, tasks, cpuShares };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};
