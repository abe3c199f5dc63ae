import { CreateBatchInput, type Run, type RunReason, type Task } from "@ccr/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { samplePatch } from "./sample-run.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const steps = [{ instructions: "Add a licence header.", checks: "$ npm test\n$ npm run lint" }];
const at = (second: number): string => new Date(Date.parse("2026-11-22T20:00:00.000Z") + second * 1000).toISOString();
const ended = (reason: RunReason, seconds = 60): Partial<Run> => ({
  status: reason === "passed" ? "succeeded" : reason === "canceled" ? "canceled" : "failed",
  reason,
  sentence: reason === "passed" ? "Every step finished and its checks passed." : "A check did not pass.",
  ...{ baseCommit: "1f3c9ab01", startedAt: at(0), endedAt: at(seconds) },
  usage: { costUsd: seconds / 100, inputTokens: 10, outputTokens: 10, turns: 2 },
});
const running: Partial<Run> = { status: "running", stepIndex: 0, baseCommit: "1f3c9ab01", startedAt: at(0) };

const addTask = (backend: MemoryBackend, name = "Add licence headers"): Task => backend.addTask({ name, steps });

/** A batch over these repositories; the runs come in the order of their places. */
const addBatch = async (
  backend: MemoryBackend,
  given: Partial<(typeof CreateBatchInput)["_zod"]["input"]> = {},
): Promise<{ id: string; runs: Run[] }> => {
  const task = backend.tasks[0] ?? addTask(backend);
  const repositories = ["acme/api", "acme/web", "acme/docs", "acme/cli"].map((repository) => ({ repository }));
  const input = CreateBatchInput.parse({ taskId: task.id, repositories, ...given });
  const { id } = await backend.context.batches.create(input);
  return { id, runs: backend.runs.filter(({ batch }) => batch?.id === id).toReversed() };
};

const idOf = (runs: readonly Run[], index: number): Run["id"] => {
  const run = runs[index];
  if (run === undefined) throw new Error(`there is no run ${index}`);
  return run.id;
};

test("a launch of several is filled in, refused by name, survives a reload, and leads to its batch", async () => {
  await using stage = await theatre.open({
    path: "/?launch=task",
    prepare: (backend) => {
      addTask(backend, "Add licence headers, said shortly");
      addTask(backend);
    },
  });
  const { page, backend } = stage;
  await page.getByLabel("Repository", { exact: true }).fill("acme/api");
  await page.getByRole("button", { name: "Several at once" }).click();
  await page.getByLabel("Further repositories, one per line").fill("acme/web\nfile:///etc\n");
  await page.getByLabel("Further models, one per line").fill("large");
  await page.getByRole("checkbox", { name: "Add licence headers, said shortly" }).check();
  await page.getByLabel("Runs for each of them").fill("many");
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await page.getByText("Must be a number").waitFor();
  await page.getByLabel("Runs for each of them").fill("2");
  await page.reload();
  await page.getByRole("button", { name: "Launch 24 runs" }).click();
  await page.getByText("cannot be used, and nothing was launched").waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-invalid"))).toBe("true");
  await page.getByLabel("Further repositories, one per line").fill("acme/web");
  await page.getByLabel("At most at once").fill("3");
  await page.getByRole("button", { name: "Launch 16 runs" }).click();
  await page.waitForURL(/\/batches\/bat_/);
  expect(backend.batches.launched).toMatchObject([
    {
      repositories: [{ repository: "acme/api" }, { repository: "acme/web" }],
      variants: [{}, { model: "large" }, { taskId: backend.tasks[1]?.id }, { model: "large" }],
      attempts: 2,
      maxConcurrent: 3,
    },
  ]);
  await page.getByText("2 repositories × 4 variants × 2 attempts, 16 runs").waitFor();
  expect(backend.launched).toEqual([]);
  expect(stage.offences).toEqual([]);
});

describe("a batch", () => {
  test("is live, is narrowed and sorted by its address, paused, resumed, canceled and launched again", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const { id, runs } = await addBatch(backend);
    backend.patchRun(idOf(runs, 0), ended("passed", 90));
    backend.batches.setFigures(idOf(runs, 0), {
      ...{ checks: { passed: 2, total: 2 }, attemptsUsed: 1, diff: { files: 3, additions: 1200, deletions: 4 } },
    });
    backend.patchRun(idOf(runs, 1), running);
    await stage.go("/batches");
    await page.getByRole("link", { name: "Add licence headers" }).click();
    await page.waitForURL(new RegExp(`/batches/${id}$`));
    const list = page.getByRole("list", { name: "Runs of this batch" });
    const rows = list.getByRole("listitem");
    await expect.poll(() => rows.count()).toBe(4);
    const first = await rows.first().textContent();
    for (const part of ["Passed", "acme/api", "2/2", "$0.90", "1 m 30 s", "+1,200", "−4"]) expect(first).toContain(part);
    expect(await page.getByRole("progressbar").getAttribute("aria-valuetext")).toBe("1 of 4");

    backend.patchRun(idOf(runs, 1), ended("check_failed", 30));
    await page.getByRole("link", { name: "Checks failed 1" }).waitFor();
    await page.getByRole("link", { name: "Checks failed 1" }).click();
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByRole("link", { name: "All 4" }).click();
    await page.getByRole("button", { name: "Sort by duration" }).click();
    await expect.poll(() => rows.first().textContent()).toContain("acme/web");
    await page.getByRole("button", { name: "Sort by duration, now from the least" }).click();
    await expect.poll(() => rows.first().textContent()).toContain("acme/api");
    expect(new URL(page.url()).search).toBe("?sort=duration&down=true");
    await page.getByLabel("Find repositories").fill("DOCS");
    await expect.poll(() => rows.count()).toBe(1);
    await page.reload();
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByLabel("Find repositories").fill("nothing like it");
    await page.getByText("No run fits this filter").waitFor();
    await page.getByLabel("Find repositories").fill("");

    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("alertdialog").getByText("2 runs that have not ended are canceled").waitFor();
    await page.getByRole("button", { name: "Cancel the batch" }).click();
    await page.getByText("Canceled", { exact: true }).first().waitFor();
    expect(await page.getByRole("button", { name: "Pause" }).count()).toBe(0);
    await page.getByRole("button", { name: "Launch 3 again" }).click();
    await page.getByRole("alertdialog").getByText("launched once more, as it was launched before").waitFor();
    await page.getByRole("button", { name: "Launch again" }).click();
    await page.getByText("3 runs launched again.", { exact: true }).waitFor();
    await page.getByText("launched 2 times").first().waitFor();
    expect(await rows.count()).toBe(4);
    expect(backend.batches.asked).toEqual(["paused", "running", "canceled", "retry"]);
    await rows.first().getByRole("link").first().click();
    await page.waitForURL(/\/runs\/run_/);
    await page.getByRole("link", { name: /^Batch($| ·)/ }).click();
    await page.waitForURL(/\/batches\/bat_/);
    expect(stage.offences).toEqual([]);
  });

  test("of a thousand runs shows some hundred, and more when asked", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const repositories = Array.from({ length: 1000 }, (_, index) => ({ repository: `acme/r${index}` }));
    const { id } = await addBatch(backend, { repositories });
    await stage.go(`/batches/${id}`);
    const rows = page.getByRole("list", { name: "Runs of this batch" }).getByRole("listitem");
    await expect.poll(() => rows.count()).toBe(200);
    await page.getByRole("button", { name: "Show 200 more of 800 runs" }).click();
    await expect.poll(() => rows.count()).toBe(400);
    await page.getByLabel("Find repositories").fill("r99");
    await expect.poll(() => rows.count()).toBe(11);
    expect(stage.offences).toEqual([]);
  });

  test("that is not there, none at all, and a server that fails are said", async () => {
    await using stage = await theatre.open({ path: "/batches" });
    const { page, server } = stage;
    await page.getByText("No batches yet").waitFor();
    for (const path of ["/batches/nonsense", "/batches/bat_9999999999", "/batches/bat_9999999999/groups/1"]) {
      await stage.go(path);
      await page.getByText("There is no such batch").waitFor();
    }
    const { id } = await addBatch(stage.backend, { attempts: 2 });
    for (const group of ["0", "x", "99"]) {
      await stage.go(`/batches/${id}/groups/${group}`);
      await page.getByText(/There is no such/).waitFor();
    }
    server.setFault(400);
    await stage.go(`/batches/${id}`);
    await page.getByText("This could not be loaded").waitFor();
    server.setFault(null);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("list", { name: "Runs of this batch" }).waitFor();
  });
});

test("runs that compete stand side by side, one is chosen after a plain question, and another one later", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const { id, runs } = await addBatch(backend, {
    ...{ repositories: [{ repository: "acme/api" }], attempts: 2, variants: [{ model: "small" }, { model: "large" }] },
  });
  for (const [index, reason] of (["passed", "check_failed", "passed"] as const).entries()) {
    backend.patchRun(idOf(runs, index), ended(reason, 60 + index * 30));
    backend.setDiff(idOf(runs, index), {
      ...{ baseCommit: "1f3c9ab", headCommit: "2f3c9ab", patch: samplePatch, truncated: false },
      files: [{ path: "src/slugify.js", oldPath: null, status: "modified", additions: 6, deletions: 1 }],
    });
    backend.batches.setFigures(idOf(runs, index), { diff: { files: 4, additions: 9, deletions: 2 } });
  }
  backend.patchRun(idOf(runs, 3), running);
  await stage.go(`/batches/${id}`);
  await page.getByRole("link", { name: "Compare the runs of acme/api" }).first().click();
  await page.getByRole("heading", { name: "acme/api" }).waitFor();
  const competing = page.getByRole("list", { name: "Runs that compete" }).getByRole("listitem");
  await expect.poll(() => competing.count()).toBe(4);
  // Those that passed come first; the one that goes on is asked for.
  const panes = page.getByRole("region", { name: /^Changes of/ });
  await expect.poll(() => panes.count()).toBe(3);
  await panes.first().getByText("export const slugify").first().waitFor();
  await page.getByRole("checkbox", { name: "Show the changes of large, run 2" }).check();
  await expect.poll(() => panes.count()).toBe(4);
  await page.getByRole("checkbox", { name: "Show the changes of small, run 2" }).uncheck();
  await expect.poll(() => panes.count()).toBe(3);

  expect(await page.getByRole("button", { name: "Choose large, run 2" }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: "Choose small, run 1" }).click();
  const question = page.getByRole("alertdialog");
  await question.getByText("1 run that has not ended is canceled; what was done so far is kept.").waitFor();
  await question.getByText("2 runs that have ended are marked as closed.").waitFor();
  await page.keyboard.press("Escape");
  expect(backend.batches.asked).toEqual([]);
  await page.getByRole("button", { name: "Choose small, run 1" }).click();
  await page.getByRole("button", { name: "Choose it" }).click();
  await page.getByText("Chosen; 3 other runs closed.", { exact: true }).waitFor();
  await expect.poll(() => competing.first().textContent()).toContain("Chosen");
  await expect.poll(() => competing.nth(3).textContent()).toContain("Canceled");
  await page.getByRole("button", { name: "Choose large, run 1" }).click();
  await page.getByRole("button", { name: "Choose it" }).click();
  await expect.poll(() => competing.nth(2).textContent()).toContain("Chosen");
  expect(await competing.first().textContent()).toContain("closed");
  expect(stage.offences).toEqual([]);
});

test("nothing is wider than a phone", async () => {
  await using stage = await theatre.open({ width: 360 });
  const { page, backend } = stage;
  const { id, runs } = await addBatch(backend, { attempts: 2, variants: [{ model: "small" }, { model: "large" }] });
  backend.patchRun(idOf(runs, 0), ended("passed"));
  for (const path of ["/batches", `/batches/${id}`, `/batches/${id}/groups/1`, "/"]) {
    await stage.go(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    if (path === "/?launch=task") await page.getByRole("button", { name: "Several at once" }).click();
    await expect
      .poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), {
        timeout: 5000,
      })
      .toBe(0);
  }
});
