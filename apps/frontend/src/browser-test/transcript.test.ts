import type { FileEntry, Run } from "@ccr/protocol";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import type { Said } from "./said.ts";
import { firstPart, lastPart, openCall } from "./sample-run.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const task = (backend: MemoryBackend) => backend.addTask({ name: "Long", steps: [{ instructions: "x", checks: "" }] });
const running: Partial<Run> = { status: "running", stepIndex: 0, startedAt: "2026-11-22T20:00:00.000Z" };
const notes = (from: number, to: number): Said[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    source: "runner",
    body: { type: "note", text: `note ${from + index}.` },
    afterMs: 1,
  }));
const logOf = (page: Page) => page.getByRole("log", { name: "Transcript" });
const keysOf = (page: Page): Promise<number[]> =>
  logOf(page).evaluate((element) =>
    [...element.querySelectorAll<HTMLElement>("[data-key]")].map((row) => Number(row.dataset.key)),
  );
const isRow = (keys: readonly number[]): boolean => keys.every((key, index) => index === 0 || key === (keys[index - 1] ?? 0) + 1);

describe("a long transcript", () => {
  const LENGTH = 4000;
  const openLong = async (path = "") => {
    const stage = await theatre.open();
    const run = stage.backend.addRun(task(stage.backend), running);
    stage.backend.say(run.id, notes(1, LENGTH));
    stage.backend.patchRun(run.id, { lastSeq: LENGTH });
    await stage.go(`/runs/${run.id}${path}`);
    return { ...stage, run };
  };
  const whole = (page: Page) => page.locator("[role=log][data-whole]").waitFor();

  test("begins at its end, and is without a seam when all of it is there, with what came meanwhile", async () => {
    await using stage = await openLong();
    const { page, backend, run } = stage;
    await page.getByText(`note ${LENGTH}.`, { exact: true }).waitFor();
    backend.say(run.id, notes(LENGTH + 1, LENGTH + 20));
    await page.getByText(`note ${LENGTH + 20}.`, { exact: true }).waitFor();
    await whole(page);
    await page.getByText(`note ${LENGTH + 20}.`, { exact: true }).waitFor();
    for (const place of [0, 0.25, 0.5, 0.9, 0.93, 0.95, 1]) {
      await logOf(page).evaluate((element, part) => {
        element.scrollTop = (element.scrollHeight - element.clientHeight) * part;
      }, place);
      await page.waitForTimeout(300);
      const keys = await keysOf(page);
      expect(keys.length).toBeGreaterThan(10);
      expect([place, isRow(keys)]).toEqual([place, true]);
    }
    expect(stage.offences).toEqual([]);
  });

  test("is opened at the message that the address names, holds it when everything has come, and goes to its end", async () => {
    await using stage = await openLong("#m1234");
    const { page } = stage;
    await page.getByText("note 1234.", { exact: true }).waitFor();
    await whole(page);
    /** Where it stands in the list, which itself is moved by what the page may say above it. */
    const top = () =>
      page.getByText("note 1234.", { exact: true }).evaluate((element) => {
        const list = element.closest("[role=log]")?.getBoundingClientRect().top ?? 0;
        return Math.round(element.getBoundingClientRect().top - list);
      });
    const before = await top();
    await page.waitForTimeout(500);
    expect(await top()).toBe(before);
    expect(isRow(await keysOf(page))).toBe(true);
    await page.getByRole("button", { name: "Jump to latest" }).click();
    await page.getByText(`note ${LENGTH}.`, { exact: true }).waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("goes on being read after requests were lost", async () => {
    await using stage = await theatre.open();
    const run = stage.backend.addRun(task(stage.backend), running);
    stage.backend.say(run.id, notes(1, LENGTH));
    stage.backend.patchRun(run.id, { lastSeq: LENGTH });
    const { page, server } = stage;
    let pages = 0;
    await page.route(/runs\.messages/, async (route) => {
      pages += 1;
      // The newest messages come; of those before them, the third page.
      if (pages > 3 && pages < 7) await route.abort();
      else await route.continue();
    });
    await stage.go(`/runs/${run.id}`);
    await page.getByText(`note ${LENGTH}.`, { exact: true }).waitFor();
    await whole(page);
    expect(pages).toBeGreaterThan(7);
    // What came last may still be on its way into the view, which holds what is in sight.
    const toBeginning = async (): Promise<boolean> => {
      await logOf(page).evaluate((element) => {
        element.scrollTop = 0;
      });
      return page.getByText("note 1.", { exact: true }).isVisible();
    };
    await expect.poll(toBeginning).toBe(true);
    expect(isRow(await keysOf(page))).toBe(true);
    expect(server.streamsOpened()).toBeGreaterThan(0);
  });
});

test("what stands inside of a folded subagent is found, and opened", async () => {
  await using stage = await theatre.open();
  const run = stage.backend.addRun(task(stage.backend), { ...running, status: "failed", reason: "check_failed", sentence: "x" });
  stage.backend.say(run.id, [...firstPart(run.id), openCall(), ...lastPart()]);
  await stage.go(`/runs/${run.id}`);
  const { page } = stage;
  await page.getByText("Checks failed.", { exact: true }).waitFor();
  await page.keyboard.press("Control+f");
  await page.getByRole("searchbox", { name: "Find in the transcript" }).fill("only the readme MENTIONS");
  await page.getByText("1 of 1", { exact: true }).waitFor();
  await page.getByText("Only the README mentions slugs").waitFor();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "More for this transcript" }).click();
  await page.getByRole("menuitem", { name: "Collapse all" }).click();
  await page.getByText("Only the README mentions slugs").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "More for this transcript" }).click();
  await page.getByRole("menuitem", { name: "Expand all" }).click();
  await logOf(page).evaluate((element) => {
    element.scrollTop = 0;
  });
  await page.getByRole("button", { name: /Subagent/ }).scrollIntoViewIfNeeded();
  await page.getByText("Only the README mentions slugs").waitFor();
  expect(stage.offences).toEqual([]);
});

test("what a run used shows by step and by model", async () => {
  await using stage = await theatre.open();
  const run = stage.backend.addRun(task(stage.backend), running);
  const used = { inputTokens: 1200, outputTokens: 340, cacheReadInputTokens: 56_000, cacheCreationInputTokens: 0, costUSD: 0.5 };
  stage.backend.say(run.id, [
    { source: "runner", body: { type: "step_started", stepIndex: 0, attempt: 1, instructions: "x" }, afterMs: 1 },
    {
      source: "agent",
      body: { type: "result", subtype: "success", session_id: "s", num_turns: 7, modelUsage: { "claude-opus-4-5": used } },
      afterMs: 1,
    },
  ]);
  await stage.go(`/runs/${run.id}?tab=usage`);
  const { page } = stage;
  await page.getByRole("row").filter({ hasText: "Step 1" }).filter({ hasText: "56k" }).waitFor();
  await page.getByRole("row").filter({ hasText: "claude-opus-4-5" }).filter({ hasText: "1.2k" }).waitFor();
  expect(stage.offences).toEqual([]);
});

test("what shows nothing leads on: a choice of entries, and a link among the files", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const run = backend.addRun(task(backend), running);
  backend.say(run.id, notes(1, 3));
  const entry = (name: string, kind: FileEntry["kind"], target: string | null = null) => ({ name, kind, bytes: null, target });
  const folders: Record<string, FileEntry[]> = {
    "": [entry("docs", "folder"), entry("latest", "link", "docs/v2"), entry("out", "link", "../../etc")],
    docs: [entry("v2", "folder")],
    "docs/v2": [entry("index.md", "file")],
  };
  backend.context.files = {
    ...backend.context.files,
    list: async ({ path }) => ({ entries: folders[path] ?? [], truncated: false, from: { kind: "sandbox" } }),
  };
  await stage.go(`/runs/${run.id}`);
  await page.getByText("note 3.", { exact: true }).waitFor();
  await page.getByText("Edits", { exact: true }).click();
  await page.getByText("Nothing of this kind so far.").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByText("note 3.", { exact: true }).waitFor();

  await page.getByRole("link", { name: "Files", exact: true }).click();
  await page.getByRole("treeitem", { name: "out" }).click();
  await page.getByText("which is not in the workspace", { exact: false }).waitFor();
  await page.getByRole("treeitem", { name: "latest" }).click();
  await page.getByRole("button", { name: "Open where it leads" }).click();
  await page.getByRole("button", { name: "Show what is in it" }).click();
  await page.getByRole("treeitem", { name: "index.md" }).waitFor();
  expect(stage.offences).toEqual([]);
});
