import { CcrError, type Question, RunId } from "@ccr/protocol";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const addRuns = (backend: MemoryBackend, name: string, count: number) => {
  const task = backend.addTask({ name, steps: [{ instructions: "Do it.", checks: "" }] });
  return Array.from({ length: count }, () => backend.addRun(task, { status: "queued" }));
};
const open = async (page: Page) => {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Control+k");
  return page.getByRole("combobox", { name: /Find a run/ });
};
const focusedName = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
const runs = (page: Page) => page.getByRole("group", { name: "Runs", exact: true }).getByRole("option");
type PageRuns = MemoryBackend["context"]["listing"]["page"];

test("runs are searched by the server, once for what was typed in one go, and there is a way to all of them", async () => {
  await using stage = await theatre.open({ path: "/tasks", prepare: (backend) => void addRuns(backend, "Sweep the floor", 11) });
  const { page, backend } = stage;
  const asked: (string | undefined)[] = [];
  const { listing } = backend.context;
  const real: PageRuns = listing.page;
  listing.page = (input) => {
    asked.push(input.text);
    return real(input);
  };
  // Not the palette where the page has a search of its own, and a letter there.
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByRole("searchbox", { name: "Search tasks" }).waitFor();
  await page.keyboard.press("/");
  expect(await focusedName(page)).toBe("Search tasks");
  await page.keyboard.press("/");
  expect(await page.getByRole("searchbox").inputValue()).toBe("/");
  const field = await open(page);
  await field.pressSequentially("sweep floor");
  await expect.poll(() => runs(page).count()).toBe(8);
  expect(asked).toEqual(["sweep floor"]);
  await page.getByRole("option", { name: "List all runs with “sweep floor”" }).click();
  await page.waitForURL(/\/runs\?q=sweep/);
  await page.getByRole("searchbox", { name: "Search runs" }).waitFor();
  await page.keyboard.press("/");
  expect(await focusedName(page)).toBe("Search runs");
  expect(await page.getByRole("dialog").count()).toBe(0);
  expect(stage.offences).toEqual([]);
});

test("all runs are looked through, part by part, while what was found is there", async () => {
  await using stage = await theatre.open({ path: "/tasks", prepare: (backend) => void addRuns(backend, "Sort the shelves", 2) });
  const { page, backend } = stage;
  const { listing } = backend.context;
  const real: PageRuns = listing.page;
  const held = Promise.withResolvers<void>();
  const cursors: (string | undefined)[] = [];
  // As with tens of thousands of runs: the first looks find one of them, and nothing.
  listing.page = async (input) => {
    cursors.push(input.cursor);
    const found = await real({ ...input, cursor: undefined });
    if (input.cursor === undefined) return { runs: found.runs.slice(0, 1), next: "one" };
    if (input.cursor === "one") return { runs: [], next: "two" };
    await held.promise;
    return { runs: found.runs.slice(1), next: null };
  };
  const field = await open(page);
  await field.fill("sort");
  await expect.poll(() => runs(page).count()).toBe(1);
  await page.getByText("Searching").waitFor();
  held.resolve();
  await expect.poll(() => runs(page).count()).toBe(2);
  await page.getByText("Searching").waitFor({ state: "detached" });
  expect(cursors).toEqual([undefined, "one", "two"]);
  // What was found last stays until something else is.
  const next = Promise.withResolvers<void>();
  listing.page = async (input) => {
    await next.promise;
    return real(input);
  };
  await field.fill("sort the nothing");
  await page.getByText("Searching").waitFor();
  expect(await runs(page).count()).toBe(2);
  next.resolve();
  await page.getByText("Nothing is found.", { exact: false }).waitFor();
  expect(stage.offences).toEqual([]);
});

test("what cannot be looked through is said calmly, beside what is found, and looked for again", async () => {
  await using stage = await theatre.open({ path: "/runs", prepare: (backend) => void addRuns(backend, "Sort the shelves", 1) });
  const { page, backend } = stage;
  const { listing } = backend.context;
  const real: PageRuns = listing.page;
  let isOut = true;
  listing.page = async (input) => {
    if (isOut && input.text !== undefined) throw new CcrError("bad_request", "The database has lost its index.");
    return real(input);
  };
  const field = await open(page);
  await field.fill("sort");
  await page.getByText("Not everything could be looked through. The database has lost its index.").waitFor();
  // Tasks are found all the same.
  await page.getByRole("group", { name: "Tasks" }).getByRole("option", { name: "Sort the shelves" }).waitFor();
  isOut = false;
  await page.getByRole("option", { name: "Look again" }).click();
  await expect.poll(() => runs(page).count()).toBe(1);
  expect(await page.getByText("Not everything could be looked through.", { exact: false }).count()).toBe(0);
});

test("a queued run starts sooner or later from its own page as from the list", async () => {
  await using stage = await theatre.open({ path: "/runs", prepare: (backend) => void addRuns(backend, "Sort the shelves", 1) });
  const { page, backend } = stage;
  const priority = async (id: string) => (await backend.context.runs.get(RunId.parse(id))).priority;
  await page.getByRole("button", { name: "Start Sort the shelves sooner" }).click();
  await page.getByRole("link", { name: "Sort the shelves" }).first().click();
  await page.waitForURL(/\/runs\/run_/);
  const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  await expect.poll(() => priority(id)).toBe(10);
  const sooner = page.getByRole("button", { name: "Sooner" });
  await sooner.click();
  await expect.poll(() => priority(id)).toBe(20);
  const later = page.getByRole("button", { name: "Later" });
  await later.click();
  await expect.poll(() => priority(id)).toBe(10);
  await open(page);
  await page.getByRole("option", { name: "Start it later" }).click();
  await expect.poll(() => priority(id)).toBe(0);
  // At the end of the scale there is no further.
  backend.patchRun(RunId.parse(id), { priority: 100 });
  await page.reload();
  await later.waitFor();
  await expect.poll(() => sooner.isDisabled()).toBe(true);
  expect(await later.isDisabled()).toBe(false);
  expect(stage.offences).toEqual([]);
});

test("what a run's page offers is in the palette, and is done there", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const task = backend.addTask({ name: "Sort the shelves", steps: [{ instructions: "Do it.", checks: "" }] });
  backend.tasks.splice(0, 1, { ...task, isQuick: true });
  const asked: Question = {
    ...{ questionId: "q1", kind: "permission", toolName: "Bash", toolUseId: null, description: null, canBeAlways: false },
    ...{ input: { command: "rm -r shelves" }, at: "2026-11-22T20:00:00.000Z" },
  };
  const run = backend.addRun(task, { status: "waiting", stepIndex: 0, startedAt: asked.at, questions: [asked] });
  backend.say(run.id, [{ source: "runner", body: { type: "note", text: "A note." }, afterMs: 1 }]);
  const choose = async (name: string): Promise<void> => {
    await open(page);
    await page.getByRole("option", { name, exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  };
  await stage.go(`/runs/${run.id}?tab=raw`);
  await choose("Go to what waits: may it use Bash?");
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toContain("rm -r shelves");
  await choose("Say something to Claude Code");
  await expect.poll(() => focusedName(page)).toBe("What to say to Claude Code");
  await choose("Save as a task");
  await page.getByText("It is among your tasks now").first().waitFor();

  backend.patchRun(run.id, { status: "running", questions: [] });
  await page.getByRole("button", { name: "Interrupt" }).waitFor();
  await choose("Interrupt Claude Code");
  await expect.poll(async () => (await backend.context.talk.list(run.id)).map(({ body }) => body.kind)).toEqual(["interrupt"]);

  backend.patchRun(run.id, { status: "failed", reason: "check_failed", sentence: "No.", endedAt: asked.at });
  await page.getByRole("link", { name: "Launch again" }).waitFor();
  await page.route(/transcript\.md$/, (route) =>
    route.fulfill({ headers: { "content-disposition": "attachment" }, body: "# x" }),
  );
  const downloaded = page.waitForEvent("download");
  await choose("Download the transcript: Markdown");
  expect(new URL((await downloaded).url()).pathname).toBe(`/runs/${run.id}/transcript.md`);
  await choose("Launch again…");
  await page.waitForURL(new RegExp(`/tasks/${task.id}#launch$`));

  backend.tasks.pop();
  await stage.go(`/runs/${run.id}`);
  await page.getByTitle("Its task was deleted", { exact: false }).waitFor();
  await choose("Launch again");
  await page.getByText("Launched again.", { exact: true }).waitFor();
  expect(stage.offences).toEqual([]);
});
