import { CcrError } from "@ccr/protocol";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MemoryBackend, newInstance } from "./memory-backend.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const addTask = (backend: MemoryBackend, name = "Mend it") =>
  backend.addTask({ name, steps: [{ instructions: "Mend it.", checks: "" }] });
const failed = {
  status: "failed",
  reason: "check_failed",
  sentence: "A check did not pass.",
  endedAt: "2026-11-22T20:01:00.000Z",
} as const;

test("a repository and a branch are chosen by keyboard, and a host is asked when it is wanted", async () => {
  await using stage = await theatre.open({ path: "/", prepare: (backend) => void backend.addRun(addTask(backend), failed) });
  const { page, backend } = stage;
  const repository = page.getByRole("combobox", { name: "Repository" });
  await expect.poll(() => repository.inputValue()).toBe("acme/slugs");
  await repository.fill("acme/");
  await page.getByRole("option", { name: "Look on github.com for repositories of acme" }).click();
  await page.getByRole("option", { name: "acme/beta" }).waitFor();
  await repository.fill("acme/b");
  await repository.press("ArrowDown");
  expect(await repository.getAttribute("aria-activedescendant")).not.toBeNull();
  await repository.press("Enter");
  expect(await repository.inputValue()).toBe("acme/beta");
  expect(await repository.getAttribute("aria-expanded")).toBe("false");

  const ref = page.getByRole("combobox", { name: "Branch, tag or commit" });
  await ref.fill("feat");
  await page.getByRole("option", { name: "feature/one" }).waitFor();
  await ref.press("ArrowDown");
  await ref.press("Enter");
  expect(await ref.inputValue()).toBe("feature/one");
  // A branch of another repository means nothing here.
  await repository.fill("acme/unreachable");
  expect(await ref.inputValue()).toBe("");
  await ref.click();
  await page.getByText("There is no repository acme/unreachable that can be read from here.").waitFor();
  await ref.press("Escape");
  await ref.fill("v1.0");
  await page.getByLabel("What is Claude Code to do?").fill("Anything");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/\/runs\/run_/);
  expect(backend.started).toMatchObject([{ repository: "acme/unreachable", ref: "v1.0", prompt: "Anything", delivery: null }]);
  expect(stage.offences).toEqual([]);
});

test("what is missing is said at its field, also where it is folded away", async () => {
  await using stage = await theatre.open({ path: "/" });
  const { page, backend } = stage;
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("The instructions are empty: say what Claude Code is to do").waitFor();
  await page.getByText("The repository is empty").waitFor();
  await page.getByLabel("What is Claude Code to do?").fill("Mend it");
  await page.getByLabel("Repository").fill("acme/slugs");
  await page.getByRole("button", { name: "Checks, result and limits" }).click();
  await page.getByLabel("Processors").fill("none");
  await page.getByRole("button", { name: "Checks, result and limits" }).click();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("Give a number").waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-invalid"))).toBe("true");
  expect(backend.started).toEqual([]);
});

test("an answer that is lost is asked for again, by the same key, and the words stay until the server has them", async () => {
  await using stage = await theatre.open({ path: "/", prepare: (backend) => void backend.addRun(addTask(backend), failed) });
  const { page, backend } = stage;
  await page.getByLabel("What is Claude Code to do?").fill("Mend it once");
  const sent: string[] = [];
  let lost = 0;
  await page.route("**/trpc/runs.start*", async (route) => {
    sent.push(route.request().postData() ?? "");
    // The server has it, and its answer never comes.
    if (lost++ === 0) {
      await route.fetch();
      await route.abort();
    } else await route.continue();
  });
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/runs\/run_/);
  expect(sent).toHaveLength(2);
  expect(sent[0]).toBe(sent[1]);
  expect(new Set(backend.started.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
});

test("what is dismissed goes at once, and comes back when the server does not do it", async () => {
  await using stage = await theatre.open({
    path: "/",
    prepare: (backend) => {
      backend.addRun(addTask(backend, "First"), failed);
      backend.addRun(addTask(backend, "Second"), failed);
    },
  });
  const { page } = stage;
  const needs = page.getByRole("region", { name: "Needs you" });
  await needs.getByRole("link", { name: "First" }).waitFor();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/trpc/runs.dismiss*", async (route) => {
    await held;
    await route.abort();
  });
  await needs.getByRole("button", { name: "Dismiss First" }).click();
  await needs.getByRole("link", { name: "First" }).waitFor({ state: "detached" });
  release();
  await needs.getByRole("link", { name: "First" }).waitFor();
  await page.getByText("The server cannot be reached").first().waitFor();
  await page.unroute("**/trpc/runs.dismiss*");
  await needs.getByRole("button", { name: "Dismiss all that ended" }).click();
  await needs.waitFor({ state: "detached" });
});

test("what cannot be canceled together is shown as it was", async () => {
  await using stage = await theatre.open({
    path: "/runs",
    prepare: (backend) => {
      backend.addRun(addTask(backend, "Going"), { status: "running" });
      backend.addRun(addTask(backend, "Waiting"), { status: "queued" });
    },
  });
  const { page, backend } = stage;
  await page.getByRole("checkbox", { name: "Choose every run that is shown" }).click();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/trpc/runs.cancelMany*", async (route) => {
    await held;
    await route.abort();
  });
  await page.getByRole("button", { name: "Cancel 2" }).click();
  await page.getByRole("button", { name: "Cancel 2 runs" }).click();
  await page.getByText("Canceling", { exact: true }).last().waitFor();
  await page.locator("li").getByText("Canceled", { exact: true }).waitFor();
  release();
  await page.locator("li").getByText("Running", { exact: true }).waitFor();
  await page.locator("li").getByText("Queued", { exact: true }).waitFor();
  expect(backend.canceled).toEqual([]);
  // Nothing was lost of what was chosen.
  await page.getByText("2 runs chosen").waitFor();
});

/** A server that takes its time, and then refuses. */
const refusal = (why: string) => {
  const { promise, reject } = Promise.withResolvers<never>();
  return { answer: () => promise, refuse: () => reject(new CcrError("conflict", why)) };
};
const confirm = async (page: Page, button: string | RegExp, action: string): Promise<void> => {
  await page.getByRole("button", { name: button }).first().click();
  await page.getByRole("alertdialog").getByRole("button", { name: action, exact: true }).click();
};

test("what one cancels, deletes or removes is shown so at once, and as it was when the server refuses", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const { context } = backend;
  const run = backend.addRun(addTask(backend, "Mend it"), { status: "running", stepIndex: 0, startedAt: failed.endedAt });
  backend.instances.push(newInstance(run.id, "executing", "1"));

  const cancel = refusal("It cannot be canceled now.");
  context.runs.cancel = cancel.answer;
  await stage.go(`/runs/${run.id}`);
  await confirm(page, "Cancel", "Cancel the run");
  const header = page.locator("main header");
  await header.getByText("Canceling", { exact: true }).first().waitFor();
  await page.getByText("Saving what was done").waitFor();
  expect(await header.getByText("Running", { exact: true }).count()).toBe(0);
  cancel.refuse();
  await page.getByText("It cannot be canceled now.").first().waitFor();
  await header.getByText("Running", { exact: true }).waitFor();
  await header.getByRole("button", { name: "Cancel" }).waitFor();

  const remove = refusal("The sandbox is held.");
  context.instances.remove = remove.answer;
  await stage.go("/instances");
  await confirm(page, /Remove inst_/, "Cancel the run and remove it");
  const row = page.getByRole("listitem").filter({ hasText: "Mend it" });
  await row.getByText("removing").waitFor();
  await row.getByText("What its run has done is being saved.").waitFor();
  remove.refuse();
  await page.getByText("The sandbox is held.").first().waitFor();
  await row.getByText("executing").waitFor();

  const link = page.getByRole("link", { name: "Mend it", exact: true });
  for (const path of ["/tasks", `/tasks/${run.taskId}`]) {
    const held = refusal("The task is held.");
    context.tasks.delete = held.answer;
    await stage.go(path);
    await confirm(page, /^Delete/, "Delete");
    await page.waitForURL(/\/tasks$/);
    await page.getByText("No tasks yet").waitFor();
    held.refuse();
    await page.getByText("The task is held.").first().waitFor();
    await link.waitFor();
  }
  expect(stage.offences).toEqual([]);
});

test("how Claude Code is to work is shown at once, taken back when it is refused, and said when it was told", async () => {
  await using stage = await theatre.open();
  const { page, backend } = stage;
  const { talk } = backend.context;
  const { configure, list } = talk;
  backend.addRun(addTask(backend, "Earlier"), { ...failed, model: "claude-x-1" });
  const run = backend.addRun(addTask(backend), { status: "running", stepIndex: 0, startedAt: failed.endedAt });
  const held = refusal("Not in this turn.");
  talk.configure = held.answer;
  await stage.go(`/runs/${run.id}`);
  const button = (how: string) => page.getByRole("button", { name: `How it works: ${how}` });
  await button("Works freely, default model").click();
  await page.getByLabel("What it may do").selectOption("plan");
  await button("Plans first, default model").waitFor();
  held.refuse();
  await page.getByText("Not in this turn.").first().waitFor();
  await button("Works freely, default model").waitFor();

  talk.configure = configure;
  const model = page.getByRole("combobox", { name: "Model" });
  await model.click();
  await page.getByRole("option", { name: /claude-x-1/ }).waitFor();
  await page.keyboard.press("Escape");
  await model.fill("op");
  await page.getByRole("option", { name: /^opus/ }).click();
  expect(await model.inputValue()).toBe("opus");
  await model.fill("opus-of-my-own");
  await page.getByRole("button", { name: "Use this model" }).click();
  await button("Works freely, opus-of-my-own").waitFor();
  await page.getByText("Claude Code is told as soon as it can listen.").waitFor();
  talk.list = async (id) => (await list(id)).map((input) => ({ ...input, state: "taken" }));
  backend.patchRun(run.id, { model: "opus-of-my-own" });
  await page.getByText("Claude Code was told of the last change.").waitFor();
  expect(stage.offences).toEqual([]);
});
