import type { Run, TaskId } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemsOf } from "../src/accessibility.ts";
import { visit } from "../src/browser.ts";
import { type Stack, startStack } from "../src/stack.ts";

/* What is on the pages only while something goes on, is asked, is opened or is wrong. Pages at rest are looked at elsewhere. */

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });
const tool = (name: string, input: Record<string, unknown>) => ({ blocks: [{ type: "tool_use", name, input }] });
const option = (label: string) => ({ label, description: `It is ${label.toLowerCase()}.` });
const QUESTIONS = {
  questions: [
    { question: "Which colour?", header: "Colour", multiSelect: false, options: [option("Red"), option("Blue")] },
    { question: "Which sizes?", header: "Size", multiSelect: true, options: [option("Small"), option("Large")] },
  ],
};
const idle = { blocks: [bash("timeout 2 tail -f /dev/null")], repeat: 2000 };

const scenario = {
  name: "live",
  rules: [
    {
      match: { contains: "DRAFT" },
      turns: [
        {
          blocks: [{ type: "text", text: { repeat: "It is **written** in a `line`. ", times: 400 } }],
          pace: { betweenChunksMs: 700, chunkCharacters: 12 },
        },
      ],
    },
    { match: { contains: "ASK" }, turns: [tool("AskUserQuestion", QUESTIONS)] },
    { match: { contains: "PERMISSION" }, turns: [{ blocks: [bash("echo made > made.txt")] }] },
    {
      match: { contains: "PLAN" },
      turns: [tool("ExitPlanMode", { plan: "# Plan\n\nFirst `this`, then [that](https://example.test)." })],
    },
    { match: { contains: "REFUSED" }, turns: [{ blocks: [bash("curl -s http://wanted.example.test/")] }, idle] },
    {
      match: { contains: "WORK" },
      turns: [{ blocks: [{ type: "text", text: "I begin." }, bash("echo 'export const one = 1;' > one.ts")] }, idle],
    },
    {
      turns: [{ blocks: [bash("echo wrong > wrong.txt")] }, { blocks: [{ type: "text", text: "I believe that it is done." }] }],
    },
  ],
};

let browser: Browser;
let stack: Stack;
type At = Record<"draft" | "ask" | "permission" | "plan" | "refused" | "work" | "bad", Run["id"]> & { taskId: TaskId };
let at: At;

/** One run of each kind at once, and words that wait to be told. */
const fill = async (): Promise<At> => {
  const { client, untilFinal } = stack.server;
  const repository = (await createGitRepository({ path: `${stack.repositories}/live`, files: { "one.ts": "// nothing yet\n" } }))
    .path;
  const start = async (prompt: string, more: { permissionMode?: Run["permissionMode"]; checks?: string } = {}) =>
    (await client.runs.start.mutate({ repository, prompt, ...more })).id;
  const bad = await start("End badly", { checks: "$ echo it is not there; false" });
  const task = await client.tasks.create.mutate({ name: "Changed", steps: [{ instructions: "Do it.", checks: "" }] });
  await client.tasks.update.mutate({ id: task.id, steps: [{ instructions: "Do it **well**.", checks: "$ true" }] });
  const ids = {
    bad,
    work: await start("WORK"),
    draft: await start("DRAFT"),
    ask: await start("ASK"),
    permission: await start("PERMISSION", { permissionMode: "default" }),
    plan: await start("PLAN", { permissionMode: "plan" }),
    refused: await start("REFUSED"),
  };
  await start("Queued");
  await untilFinal(bad);
  for (const id of [ids.ask, ids.permission, ids.plan])
    await waitFor(async () => (await client.runs.byId.query({ id })).status === "waiting", {
      what: "a question",
    });
  const changed = async () => (await client.runs.diff.query({ id: ids.work }).catch(() => null))?.files.length === 1;
  await waitFor(changed, { what: "its first change" });
  for (const text of ["Make it green", "And light"]) await client.talk.say.mutate({ id: ids.work, text });
  return { ...ids, taskId: task.id };
};

beforeAll(async () => {
  const environment = { CCR_MAX_CONCURRENT_RUNS: "6" };
  [stack, browser] = await Promise.all([startStack({ driver: "bubblewrap", scenario, environment }), startBrowser()]);
  at = await fill();
});
afterAll(async () => {
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
});

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: typeof name === "string" }).first();
const region = (page: Page, name: string) => page.getByRole("region", { name });
const invalid = (page: Page) => page.locator("[aria-invalid=true]").first().waitFor();

/** Where something is to be seen, and what is done there before; those of one address follow each other on one page. */
type State = { where: string; path?: string; open: (page: Page) => Promise<unknown> };

const runStates = (): State[] => [
  { where: "a draft", path: `/runs/${at.draft}`, open: (page) => region(page, "Being written").waitFor() },
  {
    where: "the menu of the transcript",
    open: async (page) => {
      await button(page, "More for this transcript").click();
      await page.getByRole("menu").waitFor();
    },
  },
  {
    where: "a search in the transcript",
    open: async (page) => {
      await page.keyboard.press("Escape");
      await button(page, "Find in the transcript").click();
      await page.getByRole("searchbox", { name: "Find in the transcript" }).fill("nowhere to be found");
      await page.getByText("Not found").waitFor();
    },
  },
  { where: "questions", path: `/runs/${at.ask}`, open: (page) => region(page, "Claude Code has 2 questions").waitFor() },
  {
    where: "answers that are chosen",
    open: async (page) => {
      await page.getByRole("radio", { name: "Blue" }).check();
      await page.getByRole("checkbox", { name: "Large" }).check();
    },
  },
  {
    where: "a permission",
    path: `/runs/${at.permission}`,
    open: (page) => region(page, "Claude Code asks whether it may use Bash").waitFor(),
  },
  { where: "a refusal", open: (page) => button(page, "Do not allow…").click() },
  { where: "a plan", path: `/runs/${at.plan}`, open: (page) => button(page, "Approve the plan").waitFor() },
  { where: "queued words", path: `/runs/${at.work}`, open: (page) => region(page, "Waits to be told").waitFor() },
  {
    where: "queued words that are changed",
    open: async (page) => {
      await button(page, "Change it").click();
      await page.getByLabel("What Claude Code is told").fill("Make it blue");
      await page.getByLabel("What to say to Claude Code").fill("And large");
    },
  },
  {
    where: "how it works",
    open: async (page) => {
      await button(page, /^How it works/).click();
      await page.getByRole("heading", { name: "How Claude Code works from now on" }).waitFor();
    },
  },
  {
    where: "a shell",
    path: `/runs/${at.work}?tab=terminal`,
    open: async (page) => {
      const connected = page.getByText("Shell connected");
      const first = button(page, "Open a shell");
      await connected.or(first).first().waitFor();
      if (await first.isVisible()) await first.click();
      await connected.waitFor();
    },
  },
  {
    where: "a file that is looked for",
    path: `/runs/${at.work}?tab=files`,
    open: async (page) => {
      await page.getByRole("combobox", { name: "Go to file" }).fill("one");
      await page.getByRole("option", { name: "one.ts" }).waitFor();
    },
  },
  {
    where: "a comment that is written",
    path: `/runs/${at.work}?tab=changes`,
    open: async (page) => {
      const diff = region(page, "Changes to the files");
      await diff.getByText("export const one").first().waitFor();
      await diff.focus();
      await page.keyboard.press("j");
      await page.keyboard.press("c");
      await page.getByRole("textbox", { name: /^Comment on/ }).fill("Call it two.");
    },
  },
  {
    where: "a comment to be sent",
    open: async (page) => {
      await button(page, "Add the comment").click();
      await region(page, "Your comments").waitFor();
    },
  },
  {
    where: "a run that ended badly",
    path: `/runs/${at.bad}`,
    open: (page) => page.getByRole("log").getByText("it is not there", { exact: true }).first().waitFor(),
  },
  {
    where: "a push that is wrong",
    open: async (page) => {
      await button(page, "Push the result").click();
      await page.getByLabel("Branch", { exact: true }).fill("no branch");
      await button(page, "Push").click();
      await invalid(page);
    },
  },
];

const otherStates = (): State[] => [
  { where: "what needs somebody", path: "/", open: (page) => region(page, "Needs you").getByText("Request refused").waitFor() },
  {
    where: "repositories to choose from",
    open: async (page) => {
      await page.getByLabel("Repository").click();
      await page.getByRole("listbox").waitFor();
    },
  },
  {
    where: "a run that cannot be started",
    open: async (page) => {
      await page.keyboard.press("Escape");
      await button(page, "Start").click();
      await invalid(page);
    },
  },
  {
    where: "a message in the corner",
    open: async (page) => {
      await page.route(/runs\.dismiss/, (route) => route.fulfill({ status: 500, body: "{}" }));
      await button(page, /^Show \d+ more$/).click();
      await button(page, "Dismiss End badly").click();
      await button(page, "Close").waitFor();
    },
  },
  {
    where: "chosen runs",
    path: "/runs",
    open: async (page) => {
      await page.getByRole("checkbox", { name: /^Choose End badly/ }).click();
      await region(page, "Chosen runs").waitFor();
    },
  },
  {
    where: "an import that is wrong",
    path: "/tasks/import",
    open: async (page) => {
      await page
        .getByLabel("Text of the file")
        .fill('{\n  "format": "claude-code-runner/tasks",\n  "version": 1,\n  "tasks": [{}]\n}');
      await page.getByRole("alert").filter({ hasText: "Nothing can be imported yet" }).waitFor();
    },
  },
  {
    where: "an import",
    open: async (page) => {
      const steps = [{ instructions: "Do it.", checks: "" }];
      const file = {
        format: "claude-code-runner/tasks",
        version: 1,
        tasks: [
          { name: "Changed", steps },
          { name: "New", steps },
        ],
      };
      await page.getByLabel("Text of the file").fill(JSON.stringify(file));
      await button(page, "Import 2 tasks").waitFor();
    },
  },
  {
    where: "a task's history",
    path: `/tasks/${at.taskId}/history`,
    open: (page) => page.getByRole("link", { name: /^Version 2 – as it is now/ }).waitFor(),
  },
  {
    where: "an older version",
    open: async (page) => {
      await page.getByRole("link", { name: /^Version 1 / }).click();
      await button(page, "Restore this version").waitFor();
    },
  },
  {
    where: "a task that is wrong",
    path: "/tasks/new",
    open: async (page) => {
      await button(page, "Create the task").click();
      await invalid(page);
    },
  },
  {
    where: "a launch that is wrong",
    path: `/tasks/${at.taskId}`,
    open: async (page) => {
      const form = region(page, "Launch");
      const repository = form.getByLabel("Repository");
      // The last one used is put there as soon as it is known; what is emptied after that stays so.
      await expect.poll(() => repository.inputValue()).not.toBe("");
      await repository.fill("");
      await form.getByRole("button", { name: "Several at once" }).click();
      await form.getByRole("button", { name: "Model, limits and result" }).click();
      await form.getByRole("button", { name: "Launch", exact: true }).click();
      await invalid(page);
    },
  },
  {
    where: "an environment that is wrong",
    path: "/environments/new",
    open: async (page) => {
      await page.getByLabel("Script").fill("true");
      await page.getByLabel("May take (minutes)").fill("never");
      await button(page, "Create the environment").click();
      await invalid(page);
    },
  },
  {
    where: "what is to be cleaned up",
    path: "/settings/disk",
    open: async (page) => {
      await button(page, "Clean up").click();
      await page.getByLabel("Mirrors not used for: days").fill("soon");
      await invalid(page);
    },
  },
  {
    where: "a server that is away",
    path: "/",
    open: async (page) => {
      await region(page, "Needs you").waitFor();
      await page.route("**/trpc/**", (route) => route.abort());
      await page.getByText("The server cannot be reached.", { exact: false }).first().waitFor();
    },
  },
];

describe.each([
  { width: 1440, height: 900 },
  { width: 360, height: 740 },
])("in light and dark, $width pixels wide", ({ width, height }) => {
  it("all that goes on, is asked, opened or wrong keeps the rules of WCAG 2.2 AA", { timeout: 300_000 }, async () => {
    await using opened = await visit(browser, stack.server, { width, height });
    const { page, offences } = opened;
    const problems: string[] = [];
    for (const { where, path, open } of [...runStates(), ...otherStates()]) {
      if (path !== undefined) await page.goto(stack.server.url + path);
      await open(page);
      problems.push(...(await problemsOf(page, where)));
    }
    expect(problems).toEqual([]);
    expect(offences).toEqual([]);
  });
});
