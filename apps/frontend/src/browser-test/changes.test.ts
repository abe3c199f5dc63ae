import { CcrError, type Run, type WorkspaceDiff } from "@ccr/protocol";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const running: Partial<Run> = {
  status: "running",
  stepIndex: 0,
  baseCommit: "1f3c9ab01",
  driver: "bubblewrap",
  startedAt: "2026-11-22T20:00:00.000Z",
};
const ended: Partial<Run> = {
  ...running,
  status: "succeeded",
  reason: "passed",
  sentence: "Every step finished and its checks passed.",
  endedAt: "2026-11-22T20:01:00.000Z",
};

const change = (path: string, hunks: string): string => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n${hunks}`;
const hello = (path: string, text = "hello"): string => change(path, `@@ -1,2 +1,2 @@\n same\n-old\n+${text} of ${path}\n`);

const diffOf = (patches: readonly string[], extra: Partial<WorkspaceDiff> = {}): WorkspaceDiff => ({
  baseCommit: "a",
  headCommit: "b",
  files: patches.flatMap((patch) => {
    const path = /^diff --git a\/(\S+)/.exec(patch)?.[1];
    return path === undefined ? [] : [{ path, oldPath: null, status: "modified" as const, additions: 1, deletions: 1 }];
  }),
  patch: patches.join(""),
  truncated: false,
  ...extra,
});

const open = async (patch: Partial<Run>, diff: WorkspaceDiff | null, options: { width?: number; search?: string } = {}) => {
  const { width = 1440, search = "" } = options;
  const stage = await theatre.open({ width });
  const task = stage.backend.addTask({ name: "Change", steps: [{ instructions: "Do it.", checks: "" }] });
  const run = stage.backend.addRun(task, patch);
  if (diff !== null) stage.backend.setDiff(run.id, diff);
  await stage.go(`/runs/${run.id}?tab=changes${search}`);
  return { ...stage, run };
};
const linesOf = (page: Page) => page.getByRole("region", { name: "Changes to the files" });
const files = (page: Page) => page.getByRole("navigation", { name: "Changed files" });

test("a file of forty thousand changed lines opens, unified and side by side, and is walked through to its end", async () => {
  const block = (at: number): string =>
    change(
      "big.ts",
      Array.from({ length: 20 }, (_, hunk) => {
        const start = at + hunk * 1000 + 1;
        const both = (mark: string, word: string) =>
          Array.from({ length: 1000 }, (_line, index) => `${mark}const ${word}${start + index} = ${index};`).join("\n");
        return `@@ -${start},1000 +${start},1000 @@\n${both("-", "before")}\n${both("+", "after")}\n`;
      }).join(""),
    );
  await using stage = await open(ended, diffOf([block(0), hello("z.ts")]));
  const { page } = stage;
  const lines = linesOf(page);
  await lines.getByText("const before1 = 0;").waitFor();
  await page.getByRole("button", { name: "Side by side" }).click();
  await lines.getByText("const after1 = 0;").waitFor();
  await lines.focus();
  await page.keyboard.press("End");
  await lines.getByText("hello of z.ts").waitFor();
  await page.keyboard.press("p");
  await page.getByRole("status").getByText("Old line 19001, removed: const before19001").waitFor();
  await lines.getByText("const before19001 = 0;").waitFor();
  expect(stage.offences).toEqual([]);
});

describe("the changes of a run that goes on", () => {
  test("stay as they are read; newer ones are told of, and shown when they are asked for", async () => {
    await using stage = await open(running, diffOf([hello("a.ts")]));
    const { page, backend, run } = stage;
    const lines = linesOf(page);
    await lines.getByText("hello of a.ts").waitFor();
    await page.getByText("The run goes on.").waitFor();
    backend.setDiff(run.id, diffOf([hello("a.ts", "goodbye"), hello("b.ts")]));
    await page.getByText("There are newer changes since").waitFor();
    await lines.getByText("hello of a.ts").waitFor();
    expect(await files(page).getByTitle("b.ts").count()).toBe(0);
    await page.getByRole("button", { name: "Show the newest" }).click();
    await lines.getByText("goodbye of a.ts").waitFor();
    await files(page).getByTitle("b.ts").waitFor();

    backend.setDiff(run.id, diffOf([hello("final.ts")]));
    backend.patchRun(run.id, ended);
    await page.getByText("The run has ended. These changes are older").waitFor();
    await lines.getByText("goodbye of a.ts").waitFor();
    await page.getByRole("button", { name: "Show the final changes" }).click();
    await lines.getByText("hello of final.ts").waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("show by themselves where there were none, and a comment is told to Claude Code once", async () => {
    await using stage = await open(running, diffOf([]));
    const { page, backend, run } = stage;
    await page.getByText("No file is changed yet").waitFor();
    backend.setDiff(run.id, diffOf([hello("a.ts")]));
    await page.getByRole("button", { name: "Refresh" }).click();
    await linesOf(page).getByText("hello of a.ts").waitFor();
    await linesOf(page).focus();
    for (const key of ["n", "J", "c"]) await page.keyboard.press(key);
    await page.getByRole("textbox", { name: "Comment on old line 2 to new line 2" }).fill("Say hi.");
    await page.keyboard.press("Control+Enter");
    const waiting = page.getByRole("region", { name: "Your comments" });
    await waiting.getByText("Claude Code is told when its turn has ended.").waitFor();

    // Its lines are others now: it is kept with what it was about.
    backend.setDiff(run.id, diffOf([hello("a.ts", "hi")]));
    await page.reload();
    await waiting.getByText("These lines have changed since.").waitFor();

    // Refused: they stay, and nothing is shown as said.
    const { talk } = backend.context;
    const { say } = talk;
    talk.say = async () => {
      throw new CcrError("disk_full", "The server's disk is full.");
    };
    await waiting.getByRole("button", { name: "Send to Claude" }).click();
    await waiting.getByText("The comments were not sent. The server's disk is full.").waitFor();
    // Heard, and the answer lost: the same again, also after a reload, is the same one.
    const keys: (string | undefined)[] = [];
    talk.say = async (input) => {
      keys.push(input.idempotencyKey);
      await say(input);
      throw new CcrError("unavailable", "The database does not answer.");
    };
    await waiting.getByRole("button", { name: "Send to Claude" }).click();
    await waiting.getByText("The database does not answer.", { exact: false }).waitFor();
    await page.reload();
    talk.say = (input) => {
      keys.push(input.idempotencyKey);
      return say(input);
    };
    await waiting.getByRole("button", { name: "Send to Claude" }).click();
    await waiting.waitFor({ state: "hidden" });
    await page.getByText("Your comments wait to be told.", { exact: false }).first().waitFor();
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    const said = await talk.list(run.id);
    expect(said).toHaveLength(1);
    expect(JSON.stringify(said[0]?.body)).toContain("Say hi.");
    await page.getByRole("link", { name: "Transcript", exact: true }).click();
    await page.getByRole("region", { name: "Waits to be told" }).getByText("Say hi.").waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("leave comments where they are while the run is being canceled", async () => {
    await using stage = await open({ ...running, status: "canceling" }, diffOf([hello("a.ts")]));
    const { page } = stage;
    await linesOf(page).getByText("hello of a.ts").waitFor();
    await linesOf(page).focus();
    for (const key of ["n", "c"]) await page.keyboard.press(key);
    await page.getByRole("textbox", { name: "Comment on old line 2" }).fill("Say hi.");
    await page.keyboard.press("Control+Enter");
    const waiting = page.getByRole("region", { name: "Your comments" });
    await waiting.getByText("Send them when it has ended.", { exact: false }).waitFor();
    expect(await waiting.getByRole("button", { name: /Send/ }).count()).toBe(0);
    expect(stage.offences).toEqual([]);
  });
});

test("comments are kept until they are taken, and what went wrong is said", async () => {
  await using stage = await open(ended, diffOf([hello("a.ts")]));
  const { page, backend, run } = stage;
  const heard: string[] = [];
  let isOut = true;
  backend.context.results.followUp = async ({ id, instructions }) => {
    if (isOut) throw new CcrError("conflict", "There is no room for another run.");
    heard.push(instructions);
    const [task] = backend.tasks;
    return task === undefined ? Promise.reject(new Error(id)) : backend.addRun(task, { status: "queued" });
  };
  await linesOf(page).getByText("hello of a.ts").waitFor();
  await linesOf(page).focus();
  for (const key of ["n", "c"]) await page.keyboard.press(key);
  await page.getByRole("textbox", { name: "Comment on old line 2" }).fill("Keep the old one.");
  await page.getByRole("button", { name: "Add the comment" }).click();
  const waiting = page.getByRole("region", { name: "Your comments" });
  await waiting.getByRole("button", { name: "Send to Claude" }).click();
  await waiting.getByText("The comments were not sent. There is no room for another run.").waitFor();
  // Nothing is pushed for it.
  expect(backend.pushed).toEqual([]);
  isOut = false;
  await page.reload();
  await waiting.getByRole("button", { name: "Send to Claude", exact: true }).click();
  await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !url.pathname.includes(run.id));
  expect(heard).toHaveLength(1);
  expect(heard[0]).toContain('"a.ts", old line 2:\n\n```diff\n-old\n```\n\nKeep the old one.');
  await stage.go(`/runs/${run.id}?tab=changes`);
  await linesOf(page).waitFor();
  expect(await waiting.count()).toBe(0);
  expect(stage.offences).toEqual([]);
});

test("the tree is gone through by keyboard, and the address leads to a file", async () => {
  const paths = ["src/a/one.ts", "src/b/two.ts", "readme.md", ...Array.from({ length: 40 }, (_, index) => `many/f${index}.ts`)];
  await using stage = await open(ended, diffOf(paths.map((path) => hello(path))), { search: "&file=src%2Fb%2Ftwo.ts" });
  const { page } = stage;
  const lines = linesOf(page);
  await lines.getByText("hello of src/b/two.ts").waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("title"));
  await files(page).getByTitle("src/b/two.ts").focus();
  for (const key of ["ArrowLeft", "ArrowLeft"]) await page.keyboard.press(key);
  expect(await focused()).toBe("src/b");
  await files(page).getByTitle("src/b/two.ts").waitFor({ state: "hidden" });
  await page.keyboard.press("End");
  expect(await focused()).toBe("readme.md");
  await page.keyboard.press("Enter");
  await lines.getByText("hello of readme.md").waitFor();
  await page.waitForURL((url) => url.searchParams.get("file") === "readme.md");
  await lines.focus();
  await page.keyboard.press("[");
  await page.getByRole("status").getByText("src/b/two.ts, modified").waitFor();
  await page.keyboard.press("v");
  await page.getByText("1 of 43 viewed").waitFor();
  expect(stage.offences).toEqual([]);
});

test("says when nothing is there, and when not all of it is", async () => {
  await using none = await open({ ...ended, baseCommit: null }, null);
  await none.page.getByText("The run ended before the repository was checked out.").waitFor();
  await using same = await open(ended, diffOf([]));
  await same.page.getByText("The repository is as it was at the start of the run.").waitFor();
  await using lost = await open({ ...ended, baseCommit: null }, null);
  lost.backend.context.runs.diff = async (id) => {
    throw new CcrError("not_found", `Run ${id} has no diff: it ended before there was anything to compare.`);
  };
  lost.backend.patchRun(lost.run.id, ended);
  await lost.page.reload();
  await lost.page.getByText("No changes of this run are kept").waitFor();
  const { files: both } = diffOf([hello("a.ts"), hello("b.ts")]);
  await using cut = await open(ended, diffOf([hello("a.ts")], { files: both, truncated: true }), { width: 390 });
  await cut.page.getByText("later files are missing from it (1 file)").waitFor();
  await cut.page.getByRole("button", { name: "Show the files" }).click();
  await files(cut.page).getByTitle("a.ts").click();
  expect(await cut.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  expect([none, same, lost, cut].flatMap(({ offences }) => offences)).toEqual([]);
});
