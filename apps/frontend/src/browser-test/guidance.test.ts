import type { Run } from "@ccr/protocol";
import { clickUntil } from "@ccr/testkit/browser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { allowedRecord, firstPart, openCall, refusedRecord } from "./sample-run.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const step = { instructions: "Do it.", checks: "$ npm test" };
const task = (backend: MemoryBackend, name: string) => backend.addTask({ name, steps: [step] });
const demoOf = (backend: MemoryBackend, change: Partial<MemoryBackend["info"]> = {}) => {
  backend.info = { ...backend.info, demo: true, demoRepository: "/var/lib/ccr/demo", ...change };
};
const failed: Partial<Run> = {
  status: "failed",
  reason: "check_failed",
  sentence: "A check did not pass.",
  startedAt: "2026-11-22T20:00:00.000Z",
  endedAt: "2026-11-22T20:01:00.000Z",
};

describe("the demo", () => {
  test("that was deleted cannot be launched, and no other task in its place", async () => {
    await using stage = await theatre.open({
      path: "/",
      prepare(backend) {
        const demo = task(backend, "Demo");
        task(backend, "Mine");
        demoOf(backend, { demoTaskId: demo.id });
        backend.tasks.pop();
      },
    });
    const { page } = stage;
    await page.getByText("so there is no demo to launch").waitFor();
    expect(await page.getByRole("button", { name: "Launch the demo" }).count()).toBe(0);
    expect(stage.backend.launched).toEqual([]);
  });

  test("warns of every task that its model does not know, and shows no money", async () => {
    await using stage = await theatre.open({
      path: "/?launch=task",
      prepare(backend) {
        const demo = task(backend, "Demo");
        demoOf(backend, { demoTaskId: demo.id });
        task(backend, "Mine");
        backend.addRun(demo, { ...failed, usage: { costUsd: 1.5, inputTokens: 1, outputTokens: 1, turns: 2 } });
        backend.addRun(demo, failed);
      },
    });
    const { page } = stage;
    const warning = page.getByText("The scripted model knows the demo’s task alone");
    await warning.waitFor();
    await page.getByLabel("Task", { exact: true }).selectOption("Demo");
    await warning.waitFor({ state: "detached" });
    expect(await page.getByText("Cost simulated").count()).toBe(1);
    expect(await page.getByText("Cost –").count()).toBe(1);
    expect(await page.getByText("$").count()).toBe(0);
  });
});

describe("a launch", () => {
  test("that is refused marks the field, in its own unit and words", async () => {
    await using stage = await theatre.open({ path: "/?launch=task", prepare: (backend) => void task(backend, "Mine") });
    const { page } = stage;
    const repository = page.getByLabel("Repository");
    await repository.fill("file:///etc");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    const refusal = page.getByRole("alert").filter({ hasText: "addresses are not taken" });
    expect(await refusal.textContent()).toBe("'file:' addresses are not taken; give an https URL.");
    expect(await repository.getAttribute("aria-invalid")).toBe("true");
    expect(await repository.evaluate((input) => input === document.activeElement)).toBe(true);
    await repository.fill("acme/slugs");
    await refusal.waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Model, limits and result" }).click();
    await page.getByLabel("Time for the whole run").fill("0.1");
    await page.getByLabel("Memory").fill("512.5");
    await page.getByLabel("Attempts per step").fill("21");
    await page.getByRole("button", { name: "Model, limits and result" }).click();
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.getByText("Between 10 seconds and 10,080 minutes").waitFor();
    await page.getByText("A whole number").waitFor();
    await page.getByText("Between 1 and 20").waitFor();
    expect(stage.backend.launched).toEqual([]);
  });

  test("is done again through the form, filled in as it was", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const mine = task(backend, "Mine");
    const { limits } = backend.addRun(mine);
    const run = backend.addRun(mine, { ...failed, ref: "dev", model: "claude-x", limits: { ...limits, timeSeconds: 90 } });
    await stage.go(`/runs/${run.id}`);
    await page.getByRole("link", { name: "Launch again" }).click();
    await page.getByLabel("Branch, tag or commit").waitFor();
    expect(await page.getByLabel("Time for the whole run").inputValue()).toBe("1.5");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    expect(backend.launched).toMatchObject([
      { taskId: mine.id, repository: "acme/slugs", ref: "dev", model: "claude-x", limits: { timeSeconds: 90 } },
    ]);
  });

  test("of a task that was deleted is launched again with the steps that it has, and leads to what is made of it", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(task(backend, "Mine"), failed);
    backend.tasks.pop();
    await stage.go(`/runs/${run.id}`);
    await page.getByRole("button", { name: "Launch again" }).click();
    await page.getByRole("button", { name: "Open the run" }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(run.id));
    expect(backend.runs.map(({ taskName }) => taskName)).toEqual(["Mine", "Mine"]);
  });
});

test("a task is written by keyboard, told how it is checked, and deleted from its page", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const mine = task(backend, "Mine");
  await stage.go(`/tasks/${mine.id}`);
  await page.getByText("to run it as a command").waitFor();
  await page.getByRole("button", { name: "Add a step" }).press("Enter");
  await page.keyboard.type("And this.");
  expect(await page.getByLabel("Instructions").nth(1).inputValue()).toBe("And this.");
  await page.getByLabel("Checks").nth(1).fill("It reads well.");
  await page.getByText("judged by a separate Claude that only reads.").last().waitFor();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/tasks$/);
  await expect.poll(() => backend.tasks).toEqual([]);
  await stage.go(`/runs/run_9999999999`);
  await page.getByText("The address was cut or changed").waitFor();
  expect(await page.getByText("deleted").count()).toBe(0);
});

test("the list tells how many steps have checks, in commands or in prose, and what may pass", async () => {
  const prose = { instructions: "x", checks: "It reads well." };
  await using stage = await theatre.open({
    path: "/tasks",
    prepare(backend) {
      backend.addTask({ name: "Mine", steps: [step, prose, { instructions: "x", checks: " " }] });
      backend.addTask({ name: "Ask", steps: [prose], allowNoChanges: true });
    },
  });
  const { page } = stage;
  await page.getByText("3 steps, 2 with checks").waitFor();
  await page.getByText("1 step, 1 with checks · may pass without changes").waitFor();
});

test("a task may let a run pass that changes nothing", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const mine = task(backend, "Mine");
  await stage.go(`/tasks/${mine.id}`);
  const box = page.getByRole("checkbox", { name: "A run that changes no file may pass" });
  expect(await box.isChecked()).toBe(false);
  await box.press("Space");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.", { exact: true }).waitFor();
  expect(backend.tasks[0]?.allowNoChanges).toBe(true);
  await page.reload();
  expect(await box.isChecked()).toBe(true);
});

test("a phone shows what was refused, by which rule, and with which answer", async () => {
  await using stage = await theatre.open({ width: 390 });
  const { page, backend } = stage;
  const run = backend.addRun(task(backend, "Mine"), failed);
  backend.addRequests(run.id, [allowedRecord(run.id, 1), refusedRecord(run.id, 2)]);
  await stage.go(`/runs/${run.id}?tab=network`);
  const row = page.getByRole("row").filter({ hasText: "refused" });
  for (const text of ["refused", "no rule of the allow-list names this host", "403"]) {
    const box = await row.getByText(text).boundingBox();
    expect([text, box !== null && box.x >= 0 && box.x + box.width <= 390]).toEqual([text, true]);
  }
});

test("while the server is gone every page says so, nothing seems to go on, and all goes on when it is back", async () => {
  await using stage = await theatre.open();
  const { page, backend, server } = stage;
  const mine = task(backend, "Mine");
  const run = backend.addRun(mine, { status: "running", stepIndex: 0, startedAt: "2026-11-22T20:00:00.000Z" });
  backend.say(run.id, [...firstPart(run.id), openCall()]);
  await stage.go(`/runs/${run.id}`);
  const banner = page.getByRole("status").filter({ hasText: "The server cannot be reached" });
  const activity = page.getByText(/running npm test -- --watch=false/i);
  await activity.waitFor();
  expect(await banner.count()).toBe(0);
  const spinning = (state: AnimationPlayState) =>
    page.evaluate(
      (wanted) =>
        document
          .getAnimations()
          .filter((one) => one instanceof CSSAnimation && one.animationName === "spin" && one.playState === wanted).length,
      state,
    );
  await page.emulateMedia({ reducedMotion: "no-preference" });
  expect(await spinning("running")).toBeGreaterThan(0);
  // The other pages are fetched beforehand.
  await page.waitForResponse(/tasks-page-.*\.js$/);
  server.setFault(503);
  server.cut();
  await banner.waitFor();
  await activity.waitFor({ state: "detached" });
  const clocks = () => page.getByText(/^\d+ (h|d|m|s)\b/).allTextContents();
  const stood = await clocks();
  expect(stood.length).toBeGreaterThan(1);
  expect(await spinning("running")).toBe(0);
  expect(await spinning("paused")).toBeGreaterThan(0);
  await page.getByText("Offline", { exact: true }).waitFor();
  expect(await clocks()).toEqual(stood);

  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByText("Waiting for the server").waitFor();
  expect(await banner.count()).toBe(1);
  server.setFault(null);
  await page.getByRole("link", { name: "Mine", exact: true }).waitFor();
  await banner.waitFor({ state: "detached" });

  // A page that asks for nothing notices too.
  server.setFault(503);
  await banner.waitFor();
  server.setFault(null);
  await banner.waitFor({ state: "detached" });
  expect(stage.offences).toEqual([]);
});

test("the keyboard does not stop at the link of every message", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const run = backend.addRun(task(backend, "Mine"), failed);
  backend.say(run.id, firstPart(run.id));
  await stage.go(`/runs/${run.id}`);
  const link = page.getByRole("link", { name: /Link to message/ }).last();
  await link.waitFor();
  expect(await link.evaluate((anchor: HTMLElement) => anchor.tabIndex)).toBe(-1);
  await clickUntil(link, () => /^#m\d+$/.test(new URL(page.url()).hash));
});
