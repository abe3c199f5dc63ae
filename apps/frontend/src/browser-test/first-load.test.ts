import type { Run } from "@ccr/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstPart, lastPart } from "./sample-run.ts";
import { openTheatre, type Stage, type Theatre } from "./stage.ts";

/** Of script, as it is sent. */
const LIMIT_BYTES = 250 * 1000;
/** So long after a page is there it fetches beforehand what may be wanted later. */
const BEFOREHAND_MS = 3000;

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const ended: Partial<Run> = {
  status: "failed",
  reason: "check_failed",
  sentence: "A check did not pass.",
  stepIndex: 0,
  baseCommit: "1f3c9ab01",
  startedAt: "2026-11-22T20:00:00.000Z",
  endedAt: "2026-11-22T20:01:00.000Z",
};

const addRun = ({ backend }: Stage): string => {
  const task = backend.addTask({ name: "Add a slugify function", steps: [{ instructions: "Write it.", checks: "$ npm test" }] });
  const run = backend.addRun(task, ended);
  backend.say(run.id, [...firstPart(run.id), ...lastPart()]);
  return run.id;
};

/** What the browser fetched until the page has everything that it asks for by itself: each file's size as it was sent. */
const firstLoad = async (stage: Stage, path: string, seen: () => Promise<unknown>) => {
  const { page } = stage;
  const files: Promise<{ name: string; bytes: number; encoding: string | undefined }>[] = [];
  page.on("requestfinished", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/trpc/")) return;
    files.push(
      Promise.all([request.sizes(), request.response()]).then(([{ responseBodySize }, response]) => ({
        name: pathname,
        bytes: responseBodySize,
        encoding: response?.headers()["content-encoding"],
      })),
    );
  });
  // Those timers never end, however slow the machine is.
  await page.addInitScript((beforehandMs) => {
    const set = window.setTimeout.bind(window);
    Object.assign(window, {
      setTimeout: (work: () => void, ms?: number, ...rest: unknown[]) => (ms === beforehandMs ? 0 : set(work, ms, ...rest)),
    });
  }, BEFOREHAND_MS);
  await stage.go(path);
  await seen();
  let count = -1;
  while (count !== files.length) {
    count = files.length;
    await page.waitForTimeout(500);
  }
  return Promise.all(files);
};

test.each(["/", "/tasks/new", "/runs", "run"])("the first load of %s is less than 250 KB of compressed script", async (path) => {
  await using stage = await theatre.open();
  const run = addRun(stage);
  const { page } = stage;
  const files = await firstLoad(stage, path === "run" ? `/runs/${run}` : path, () =>
    path === "run"
      ? page.getByRole("log").getByText("Checks failed.", { exact: true }).waitFor()
      : page.getByRole("heading", { level: 1 }).waitFor(),
  );
  const scripts = files.filter(({ name }) => name.endsWith(".js"));
  for (const { name, bytes, encoding } of scripts) if (bytes > 300) expect([name, encoding]).toEqual([name, "br"]);
  const bytes = scripts.reduce((sum, file) => sum + file.bytes, 0);
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(LIMIT_BYTES);
  // What is heavy comes with what needs it: the viewer of changes, terminals, the colours of code.
  expect(
    scripts.filter(({ name }) => /^.assets.(changes|terminal-view|shell-panel|highlight|popover|.*dialog)/.test(name)),
  ).toEqual([]);
  expect(stage.offences).toEqual([]);
});
