import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { COLOURS } from "../src/scripted.ts";
import { type Stack, startStack } from "../src/stack.ts";

const scenario = {
  name: "news",
  rules: [
    {
      match: { contains: "ASK" },
      turns: [
        { blocks: [{ type: "tool_use", name: "AskUserQuestion", input: COLOURS }] },
        { blocks: [{ type: "text", text: "Thank you." }] },
      ],
    },
    { turns: [{ blocks: [{ type: "text", text: "I believe that it is done." }] }] },
  ],
};

let browser: Browser;
let stack: Stack;
let repository: string;
beforeAll(async () => {
  stack = await startStack({ driver: "bubblewrap", scenario });
  repository = (await createGitRepository({ path: `${stack.repositories}/news`, files: { "README.md": "# x\n" } })).path;
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
});

const launch = async (name: string, instructions: string, checks = "") => {
  const { client } = stack.server;
  const task = await client.tasks.create.mutate({ name, steps: [{ instructions, checks }], allowNoChanges: true });
  return (await client.runs.create.mutate({ taskId: task.id, repository, limits: { maxAttempts: 1 } })).id;
};

/** Notes every notification that a page shows, and lets a test say whether it is looked at. */
const watchNotifications = async (context: BrowserContext, url: string): Promise<void> => {
  await context.grantPermissions(["notifications"], { origin: url });
  await context.addInitScript(() => {
    const shown: string[] = [];
    let isLookedAt = true;
    document.hasFocus = () => isLookedAt;
    const { prototype } = ServiceWorkerRegistration;
    const { showNotification } = prototype;
    prototype.showNotification = async function (title, options) {
      await showNotification.call(this, title, options);
      shown.push(title);
    };
    Object.assign(window, {
      ccrShown: shown,
      ccrLookAt: (looked: boolean) => {
        isLookedAt = looked;
        dispatchEvent(new Event(looked ? "focus" : "blur"));
      },
    });
    localStorage.setItem("ccr.notifications", '{"desktop":true,"needsYou":true,"endedBadly":true,"endedWell":false}');
  });
};
const shownOn = (page: Page): Promise<string[]> => page.evaluate("ccrShown");
const lookAt = (page: Page, looked: boolean): Promise<unknown> => page.evaluate(`ccrLookAt(${looked})`);
const iconOf = (page: Page): Promise<string | null> => page.locator("link[rel=icon]").getAttribute("href");
/** Until the page has asked what there is to tell. */
const watching = (page: Page): Promise<unknown> => page.waitForResponse(/runs\.overview/);

const titled = (page: Page, title: string): Promise<unknown> =>
  page.waitForFunction((wanted) => document.title === `${wanted} – claude-code-runner`, title);
const needs = (page: Page) => page.getByRole("region", { name: "Needs you" });

it("tells of what ended badly once, over all tabs, and counts it until somebody has seen to it", async () => {
  const { server } = stack;
  await using first = await visit(browser, server);
  await watchNotifications(first.page.context(), server.url);
  const other = await first.page.context().newPage();
  const pages = [first.page, other];
  await Promise.all(pages.map((page) => Promise.all([watching(page), page.goto(`${server.url}/tasks`)])));
  for (const page of pages) await lookAt(page, false);

  await server.untilFinal(await launch("A bad one", "Do it badly.", "$ false"));
  await waitFor(async () => (await Promise.all(pages.map(shownOn))).flat().length > 0, { what: "a notification" });
  for (const page of pages) await titled(page, "(1) Tasks");
  // Each has asked again since, and seen the same.
  await Promise.all(pages.map(watching));
  expect((await Promise.all(pages.map(shownOn))).flat()).toEqual(["Ended badly: A bad one"]);
  expect(await iconOf(first.page)).toBe("/icon-bad.svg");

  // The first tab is looked at now: it tells in itself, and the other one is silent.
  await lookAt(first.page, true);
  const again = await launch("Another bad one", "Do it badly.", "$ false");
  await server.untilFinal(again);
  const open = first.page.getByRole("button", { name: "Open the run" });
  await open.waitFor();
  await titled(other, "(2) Tasks");
  expect((await Promise.all(pages.map(shownOn))).flat()).toHaveLength(1);
  await open.click();
  await first.page.waitForURL(new RegExp(again));

  // Home says the same number, and what is dismissed there is counted on no tab any more.
  await first.page.goto(server.url);
  await needs(first.page).getByRole("heading", { name: "Needs you 2" }).waitFor();
  expect(await needs(first.page).getByRole("listitem").count()).toBe(2);
  await titled(first.page, "(2) Home");
  await needs(first.page).getByRole("button", { name: "Dismiss A bad one" }).click();
  await titled(first.page, "(1) Home");
  await titled(other, "(1) Tasks");
  await needs(first.page).getByRole("button", { name: "Dismiss Another bad one" }).click();
  await titled(first.page, "Home");
  await titled(other, "Tasks");
  expect(await iconOf(other)).toBe("/icon.svg");
  expect([...first.offences]).toEqual([]);
});

it("says on the tab that a run waits for a person, as Home does, until it was answered", async () => {
  const { server } = stack;
  await using opened = await visit(browser, server);
  const { page } = opened;
  await watchNotifications(page.context(), server.url);
  await Promise.all([watching(page), page.goto(`${server.url}/tasks`)]);
  await lookAt(page, false);
  const id = await launch("Ask me", "ASK");
  await titled(page, "(1) Tasks");
  await waitFor(async () => (await shownOn(page)).length > 0, { what: "a notification" });
  expect(await shownOn(page)).toEqual(["Needs you: Ask me"]);
  expect(await iconOf(page)).toBe("/icon-waiting.svg");
  // Another page has another title, and the same badge.
  await page.getByRole("link", { name: "Runs" }).first().click();
  await titled(page, "(1) Runs");
  await page.goto(server.url);
  await needs(page).getByRole("link", { name: "Answer" }).waitFor();
  const { questionId = "" } = (await server.client.runs.byId.query({ id })).questions[0] ?? {};
  await server.client.talk.answer.mutate({ id, questionId, answer: { kind: "choose", answers: { "Which colour?": "Red" } } });
  await server.untilFinal(id);
  await needs(page).waitFor({ state: "detached" });
  await page.waitForFunction(() => !document.title.startsWith("("));
});

it("goes on when the server's answer is none, and tells nothing that is not so", async () => {
  const { server } = stack;
  await using opened = await visit(browser, server);
  const { page } = opened;
  await page.route(/runs\.overview/, (route) => route.fulfill({ status: 500, body: "{}" }));
  await Promise.all([watching(page), page.goto(`${server.url}/tasks`)]);
  await page.getByRole("heading", { name: "Tasks" }).waitFor();
  expect(await page.title()).toBe("Tasks – claude-code-runner");
  await page.unroute(/runs\.overview/);
  await watching(page);
  expect(await page.title()).toBe("Tasks – claude-code-runner");
});
