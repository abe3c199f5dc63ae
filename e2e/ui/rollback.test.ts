import type { Run } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { type Stack, startStack } from "../src/stack.ts";

/** Longer than any page takes to ask anew how things are. */
const LOOKED_AGAIN_MS = 11_000;

const waits = {
  type: "tool_use",
  name: "Bash",
  input: { command: "curl -s http://refused.example.com/; until test -e /tmp/go-on; do sleep 0.5; done", description: "Wait" },
};
const scenario = {
  name: "rollback",
  rules: [
    { match: { contains: "FAIL" }, turns: [{ blocks: [{ type: "text", text: "Nothing to do." }] }] },
    { turns: [{ blocks: [waits], repeat: 500 }] },
  ],
};

let browser: Browser;
let stack: Stack;
let repository: string;
let going: Run["id"];
beforeAll(async () => {
  [browser, stack] = await Promise.all([startBrowser(), startStack({ driver: "bubblewrap", scenario })]);
  repository = (await createGitRepository({ path: `${stack.repositories}/a`, files: { "README.md": "# x\n" } })).path;
  const { client } = stack.server;
  going = (await client.runs.start.mutate({ prompt: "Stay at work", repository })).id;
  await waitFor(async () => (await client.runs.requests.query({ id: going, after: 0, limit: 10 })).length > 0, {
    what: "the refused request",
  });
});
afterAll(async () => {
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
});

/** Lets requests of a procedure hang until they are told what becomes of them. */
const hold = async (page: Page, procedure: string) => {
  const lost = Promise.withResolvers<void>();
  const pattern = new RegExp(`/trpc/[^?]*${procedure.replace(".", "\\.")}`);
  await page.route(pattern, async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    await lost.promise;
    await route.abort("connectionreset");
  });
  return async (): Promise<void> => {
    lost.resolve();
    await page.getByText("The server cannot be reached", { exact: false }).first().waitFor();
    await page.unroute(pattern);
  };
};
const confirm = async (page: Page, button: string | RegExp, action: string): Promise<void> => {
  await page.getByRole("button", { name: button }).first().click();
  await page.getByRole("alertdialog").getByRole("button", { name: action, exact: true }).click();
};

it("what needs somebody goes at once, stays away however often the page asks, and is back when the request was lost", async () => {
  const { client } = stack.server;
  const task = await client.tasks.create.mutate({ name: "Fails", steps: [{ instructions: "FAIL", checks: "$ false" }] });
  const { id } = await client.runs.create.mutate({ taskId: task.id, repository, limits: { maxAttempts: 1 } });
  await stack.server.untilFinal(id);
  await using opened = await visit(browser, stack.server);
  const { page } = opened;
  const needs = page.getByRole("region", { name: "Needs you" });
  const link = needs.getByRole("link", { name: "Fails" });
  await link.waitFor();
  const lose = await hold(page, "runs.dismiss");
  await needs.getByRole("button", { name: "Dismiss Fails" }).click();
  await link.waitFor({ state: "detached" });
  await page.waitForTimeout(LOOKED_AGAIN_MS);
  expect(await link.count()).toBe(0);
  await lose();
  await link.waitFor();
  await needs.getByRole("button", { name: "Dismiss Fails" }).click();
  await waitFor(async () => (await client.runs.overview.query()).attention.length === 0, { what: "what was dismissed" });
  await link.waitFor({ state: "detached" });
});

it("a day's budget shows at once, and is what it was when the request was lost; what was typed stays", async () => {
  const { client } = stack.server;
  await using opened = await visit(browser, stack.server);
  const { page } = opened;
  await page.goto(`${stack.server.url}/settings/budgets`);
  const amount = page.getByLabel("US dollars a day");
  await page.getByText("spent today, without a ceiling").waitFor();
  await amount.fill("1,000");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Write 1000 or 1.000: the comma may mean either").waitFor();
  const lose = await hold(page, "server.setBudgets");
  await amount.fill("50");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("of $50.00 spent today").waitFor();
  await page.waitForTimeout(LOOKED_AGAIN_MS);
  expect(await page.getByText("of $50.00 spent today").count()).toBe(1);
  await lose();
  await page.getByText("spent today, without a ceiling").waitFor();
  expect(await amount.inputValue()).toBe("50");
  await page.getByRole("button", { name: "Save" }).click();
  await waitFor(async () => (await client.server.budgets.query()).dayUsd === 50, { what: "the budget" });
  await client.server.setBudgets.mutate({ dayUsd: null });
});

it("an allowed host, a canceled run, its sandbox and a deleted task show at once, and as they were when the request was lost", async () => {
  const { client, url } = stack.server;
  const { id: taskId } = await client.tasks.create.mutate({ name: "To be kept", steps: [{ instructions: "x", checks: "" }] });
  await using opened = await visit(browser, stack.server);
  const { page } = opened;

  await page.goto(`${url}/runs/${going}?tab=network&refused=true`);
  const allow = page.getByRole("button", { name: "Allow refused.example.com:80" });
  await allow.first().waitFor();
  const loseHost = await hold(page, "runs.allowHost");
  await allow.first().click();
  await allow.first().waitFor({ state: "detached" });
  await page.waitForTimeout(LOOKED_AGAIN_MS / 2);
  expect(await allow.count()).toBe(0);
  await loseHost();
  await allow.first().waitFor();
  expect((await client.runs.byId.query({ id: going })).allowedHosts).toEqual([]);

  const loseTask = await hold(page, "tasks.delete");
  await page.goto(`${url}/tasks/${taskId}`);
  await confirm(page, /^Delete/, "Delete");
  await page.waitForURL(/\/tasks$/);
  await page.getByRole("heading", { name: "Tasks" }).waitFor();
  const kept = page.getByRole("link", { name: "To be kept", exact: true });
  await kept.waitFor({ state: "detached" });
  await loseTask();
  await kept.waitFor();

  const loseSandbox = await hold(page, "instances.remove");
  await page.goto(`${url}/instances`);
  await confirm(page, /Remove inst_/, "Cancel the run and remove it");
  await page.getByText("removing").waitFor();
  await loseSandbox();
  await page.getByText("executing").waitFor();

  const loseCancel = await hold(page, "runs.cancel");
  await page.goto(`${url}/runs/${going}`);
  const header = page.locator("main header");
  await confirm(page, "Cancel", "Cancel the run");
  await header.getByText("Canceling", { exact: true }).first().waitFor();
  await loseCancel();
  await header.getByText("Running", { exact: true }).waitFor();
  await confirm(page, "Cancel", "Cancel the run");
  expect(await stack.server.untilFinal(going)).toMatchObject({ status: "canceled" });
  await header.getByText("Canceled", { exact: true }).first().waitFor();
});
