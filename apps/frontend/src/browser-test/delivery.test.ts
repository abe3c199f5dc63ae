import type { Run } from "@ccr/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const task = (backend: MemoryBackend) =>
  backend.addTask({ name: "Mend it", steps: [{ instructions: "x", checks: "$ npm test" }] });
const ended = (change: Partial<Run>): Partial<Run> => ({
  headCommit: "5d41402abc4b2a76b9719d911017c592a1b2c3d4",
  startedAt: "2026-11-22T20:00:00.000Z",
  endedAt: "2026-11-22T20:01:00.000Z",
  ...change,
});

describe("where results go", () => {
  test("is written into a task, and sent with it", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const mine = task(backend);
    await stage.go(`/tasks/${mine.id}`);
    await page.getByLabel("When a run passes").selectOption("Push a branch and open a pull request");
    await page.getByLabel("Branch", { exact: true }).fill("a b");
    await page.getByLabel("Reviewers", { exact: true }).fill("ada, grace");
    await page.getByRole("checkbox", { name: "As a draft" }).check();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Cannot be the name of a branch").waitFor();
    await page.getByLabel("Branch", { exact: true }).fill("bot/{task}");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Saved.", { exact: true }).waitFor();
    expect(backend.tasks[0]?.delivery).toMatchObject({
      to: "pull_request",
      branch: "bot/{task}",
      reviewers: ["ada", "grace"],
      draft: true,
    });
  });

  test("can be said for one launch", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const mine = task(backend);
    await stage.go(`/tasks/${mine.id}`);
    await page.getByLabel("Repository").fill("acme/slugs");
    await page.getByRole("button", { name: "Model, limits and result" }).click();
    await page.getByLabel("When it passes").selectOption("Push a branch");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    expect(backend.launched).toMatchObject([{ delivery: { to: "branch", branch: "claude/{task}-{run}" } }]);
  });
});

test("repositories of an organisation are added to a launch, without those that are archived", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const mine = task(backend);
  await stage.go(`/tasks/${mine.id}`);
  await page.getByRole("button", { name: "Several at once" }).click();
  await page.getByLabel("Of an organisation or a user").fill("nowhere.test/acme");
  await page.getByRole("button", { name: "Add them" }).click();
  await page.getByText("knows no git host nowhere.test").waitFor();
  await page.getByLabel("Of an organisation or a user").fill("acme");
  await page.getByRole("button", { name: "Add them" }).click();
  await page.getByText("2 repositories added; 1 archived or empty left out.").waitFor();
  expect(await page.getByLabel("Further repositories, one per line").inputValue()).toBe("acme/alpha\nacme/beta");
});

describe("a result", () => {
  test("that could not be pushed says why, and is pushed again by two clicks", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(
      task(backend),
      ended({
        status: "errored",
        reason: "push_failed",
        sentence: "The work passed, but it could not be brought to its repository. It is kept. The branch is protected.",
        delivered: {
          state: "failed",
          branch: "claude/mend-it-1",
          commit: null,
          isPushed: false,
          isFollowed: false,
          base: null,
          pullRequest: null,
          notes: [],
          problem: "The branch is protected.",
          tries: 1,
          at: "2026-11-22T20:01:00.000Z",
        },
      }),
    );
    await stage.go(`/runs/${run.id}`);
    await page.getByText("Push failed", { exact: true }).first().waitFor();
    await page.getByText("The branch is protected.").waitFor();
    await page.getByRole("button", { name: "Push again" }).click();
    await page.getByLabel("What to do").selectOption("Push a branch and open a pull request");
    await page.getByRole("button", { name: "Push", exact: true }).click();
    await page.getByRole("link", { name: "Pull request 7" }).waitFor();
    await page.getByText("was pushed to").first().waitFor();
    expect(backend.pushed).toMatchObject([{ to: "pull_request" }]);
  });

  test("that did not pass is pushed only by somebody who was told so", async () => {
    await using stage = await theatre.open({ width: 390 });
    const { page, backend } = stage;
    const run = backend.addRun(
      task(backend),
      ended({ status: "failed", reason: "check_failed", sentence: "A check did not pass." }),
    );
    await stage.go(`/runs/${run.id}`);
    await page.getByRole("button", { name: "Push the result" }).click();
    await page.getByText("This run did not pass").waitFor();
    await page.getByRole("button", { name: "Not now" }).click();
    expect(backend.pushed).toEqual([]);
  });
});
