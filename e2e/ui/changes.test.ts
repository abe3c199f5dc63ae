import { RunId } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository } from "@ccr/testkit";
import { clickUntil, startBrowser } from "@ccr/testkit/browser";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { type Stack, startStack } from "../src/stack.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });
const says = (text: string) => ({ blocks: [{ type: "text", text }] });

const WORK = [
  "sed -i 's/return 1;/return 2;/; s/  const kept/    const kept/' src/one.ts",
  "echo 'export const added = true;' > src/added.ts",
  "git mv old-name.md new-name.md",
  "git rm -q gone.txt",
  "head -c 64 /dev/urandom > image.bin",
  "chmod +x tool.sh",
  "sed -i 's/^const line10 .*/const line10 = 0;/; s/^const line190 .*/const line190 = 0;/' src/long.ts",
].join(" && ");

/** One agent changes files of every kind; it does what a comment asks for when it hears of one. */
const scenario = parseScenario({
  name: "changes",
  rules: [
    {
      match: { contains: "Call it total." },
      turns: [{ blocks: [bash("sed -i 's/added = true/total = true/' src/added.ts")] }, says("It is called total now.")],
    },
    {
      match: { contains: "Take your time." },
      turns: [
        { blocks: [bash(WORK)] },
        // It goes on until somebody has looked, and breaks it off.
        { blocks: [bash("timeout 0.3 tail -f /dev/null")], repeat: 500 },
        says("All of it is changed."),
      ],
    },
    { turns: [{ blocks: [bash(WORK)] }, says("All of it is changed.")] },
  ],
});

const FILES = {
  "src/one.ts": "export const one = (): number => {\n  const kept = 1;\n  return 1;\n};\n",
  "old-name.md": "# A title\n\nWith a text that stays the same.\n",
  "gone.txt": "bye\n",
  "image.bin": "\u0000\u0001\u0002",
  "tool.sh": "#!/bin/sh\n",
  "src/long.ts": Array.from({ length: 200 }, (_, index) => `const line${index + 1} = ${index + 1};\n`).join(""),
};

let browser: Browser;
let stack: Stack;
beforeAll(async () => {
  browser = await startBrowser();
  stack = await startStack({ driver: "bubblewrap", scenario });
});
afterAll(async () => {
  await browser.close();
  await stack[Symbol.asyncDispose]();
});

/** A run of the agent on a repository of its own that has ended. */
const openRun = async (name: string) => {
  const repository = await createGitRepository({ path: `${stack.repositories}/${name}`, files: FILES });
  const { client } = stack.server;
  const task = await client.tasks.create.mutate({ name, steps: [{ instructions: "Change files.", checks: "" }] });
  const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
  await stack.server.untilFinal(id);
  return id;
};

const listOf = (page: Page) => page.getByRole("navigation", { name: "Changed files" });
const diffOf = (page: Page) => page.getByRole("region", { name: "Changes to the files" });

/** Moves the mouse to the number of a line, from which comments are begun. */
const moveToNumber = async (page: Page, number: Locator): Promise<void> => {
  // Right after it was scrolled, the diff takes no notice of the mouse.
  const move = async (): Promise<boolean> => {
    const box = await number.boundingBox();
    if (box !== null) await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 3 });
    return number.evaluate((element) => element.hasAttribute("data-hovered"));
  };
  await expect.poll(move, { timeout: 20_000 }).toBe(true);
};

it("shows files of every kind in a tree and in both views", async () => {
  const id = await openRun("kinds");
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/runs/${id}?tab=changes`);

  const files = listOf(page);
  const expected = {
    "image.bin": "modified",
    "new-name.md": "renamed",
    "gone.txt": "deleted",
    "src/added.ts": "added",
    "src/long.ts": "modified",
    "src/one.ts": "modified",
    "tool.sh": "mode changed",
  };
  for (const [path, status] of Object.entries(expected))
    await files
      .getByRole("treeitem")
      .and(page.getByTitle(path, { exact: true }))
      .getByText(status, { exact: true })
      .waitFor();

  const diff = diffOf(page);
  await diff.getByText("Renamed from old-name.md").waitFor();
  await diff.getByText("A binary file: its content is not shown").waitFor();
  await diff.getByText("Mode changed from 100644 to 100755").waitFor();

  // Lines of both sides; side by side they are in two columns, which a reload remembers.
  await files.getByTitle("src/one.ts").click();
  await page.waitForURL((url) => url.searchParams.get("file") === "src/one.ts");
  await diff.getByText("return 2;").waitFor();
  await page.getByRole("button", { name: "Side by side" }).click();
  await diff.locator("[data-diff-type=split]").first().waitFor();
  await page.reload();
  await diff.locator("[data-diff-type=split]").first().waitFor();
  await page.getByRole("button", { name: "Unified" }).click();
  await diff.locator("[data-diff-type=single]").first().waitFor();
  // Words are told apart within the line, and code has colours, made in a thread of the page's own origin.
  await diff.locator("[data-diff-span]").first().waitFor();
  await diff.locator("[data-line] span[style*=keyword]").first().waitFor();

  // The line that was only moved in is no change any more.
  const movedIn = diff.locator("[data-line-type=change-addition]").filter({ hasText: "const kept" });
  await movedIn.first().waitFor();
  await page.getByRole("button", { name: "Hide changes of white space" }).click();
  await movedIn.first().waitFor({ state: "hidden" });
  await diff.getByText("return 2;").waitFor();

  await files.getByLabel("Filter the files by path").fill("added");
  await files.getByTitle("src/one.ts").waitFor({ state: "hidden" });
  expect(await files.getByRole("treeitem").count()).toBe(2);
  await files.getByLabel("Filter the files by path").fill("nowhere");
  await page.getByText("No file fits this filter").waitFor();
  await page.getByRole("button", { name: "Show all files" }).click();

  // What was viewed is closed, and stays so.
  await diff.getByRole("checkbox", { name: "Viewed src/one.ts" }).check();
  await diff.getByText("return 2;").waitFor({ state: "hidden" });
  await page.reload();
  await page.getByText("1 of 7 viewed").waitFor();
  expect(await diff.getByRole("checkbox", { name: "Viewed src/one.ts" }).isChecked()).toBe(true);
  expect(offences).toEqual([]);
});

it("shows the lines between the changes, which one can say something about, and leads to the file", async () => {
  const id = await openRun("between");
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/runs/${id}?tab=changes&file=src%2Flong.ts`);
  const diff = diffOf(page);
  await diff.getByText("const line10 = 0;").waitFor();
  const between = diff.getByText("const line20 = 20;");
  expect(await between.count()).toBe(0);
  expect(await page.getByRole("button", { name: "Show all lines of src/added.ts" }).count()).toBe(0);
  const showAll = page.getByRole("button", { name: "Show all lines of src/long.ts" });
  await showAll.click();
  await between.waitFor();
  // A line that no change is near to.
  const number = diff.locator('[data-column-number="20"]');
  await moveToNumber(page, number);
  await page.mouse.down();
  await page.mouse.up();
  const box = page.getByRole("textbox", { name: "Comment on line 20" });
  await box.fill("And this one?");
  await page.getByRole("button", { name: "Add the comment" }).click();
  const waiting = page.getByRole("region", { name: "Your comments" });
  await waiting.getByText("1 comment to send").waitFor();
  // What is said of a line keeps it in sight.
  await page.reload();
  await between.waitFor();
  await diff.getByText("And this one?").waitFor();
  const remove = diff.getByRole("button", { name: "Remove the comment" });
  await clickUntil(remove, async () => (await remove.count()) === 0);
  await between.waitFor({ state: "hidden" });
  const showLess = page.getByRole("button", { name: "Show only the changes of src/long.ts" });
  await clickUntil(showAll, () => showLess.isVisible());
  // The lines that were in view stay there: its beginning is above them.
  await clickUntil(listOf(page).getByTitle("src/long.ts"), () => between.isVisible());
  await clickUntil(showLess, () => showAll.isVisible());
  await between.waitFor({ state: "hidden" });

  await clickUntil(diff.getByRole("link", { name: "Open the file src/long.ts" }), () => {
    const { searchParams } = new URL(page.url());
    return searchParams.get("tab") === "files" && searchParams.get("file") === "src/long.ts";
  });
  await page.getByText("const line20 = 20;").waitFor();
  expect(offences).toEqual([]);
});

it("sends comments to the agent, which goes on from there", async () => {
  const id = await openRun("comments");
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/runs/${id}?tab=changes&file=src%2Fadded.ts`);
  const diff = diffOf(page);
  await diff.getByText("export const added").waitFor();

  // By keyboard, on the line that was added.
  await diff.focus();
  await page.keyboard.press("j");
  await page.getByRole("status").getByText("Line 1, added: export const added = true;").waitFor();
  await page.keyboard.press("c");
  await page.getByRole("textbox", { name: "Comment on line 1" }).fill("Call it total.");
  await page.reload();
  expect(await page.getByRole("textbox", { name: "Comment on line 1" }).inputValue()).toBe("Call it total.");
  await page.getByRole("button", { name: "Add the comment" }).click();
  const waiting = page.getByRole("region", { name: "Your comments" });
  await waiting.getByText("1 comment to send").waitFor();

  // By mouse, over lines of a file before the change.
  await listOf(page).getByTitle("src/one.ts").click();
  const removed = diff.locator("[data-line-type=change-deletion][data-column-number]");
  const moveTo = (number: string): Promise<void> => moveToNumber(page, removed.filter({ hasText: number }));
  await moveTo("2");
  await page.mouse.down();
  await moveTo("3");
  await page.mouse.up();
  await page.getByRole("textbox", { name: "Comment on old lines 2 to 3" }).fill("Why?");
  await page.getByRole("button", { name: "Discard" }).click();
  await waiting.getByText("1 comment to send").waitFor();

  await waiting.getByRole("button", { name: "Send to Claude" }).click();
  await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !url.pathname.includes(id));
  const next = new URL(page.url()).pathname.split("/").at(-1);
  await page.getByText("It is called total now.").waitFor();
  const sent = await stack.server.client.runs.byId.query({ id: RunId.parse(next) });
  expect(sent.continues).toMatchObject({ runId: id, because: "person", fromKept: [null] });
  expect(sent.steps[0]?.instructions).toContain(
    '"src/added.ts", line 1:\n\n```diff\n+export const added = true;\n```\n\nCall it total.',
  );
  await page.getByRole("link", { name: "Changes", exact: true }).click();
  await diff.getByText("total = true").waitFor();

  // What was sent waits no more.
  await page.goto(`${stack.server.url}/runs/${id}?tab=changes`);
  await diff.waitFor();
  expect(await page.getByRole("region", { name: "Your comments" }).count()).toBe(0);
  expect(offences).toEqual([]);
});

it("tells comments to the agent of a run that goes on, which does what they ask for before it is checked", async () => {
  const repository = await createGitRepository({ path: `${stack.repositories}/live`, files: FILES });
  const { client } = stack.server;
  const steps = [{ instructions: "Change files. Take your time.", checks: "$ grep total src/added.ts" }];
  const task = await client.tasks.create.mutate({ name: "live", steps });
  const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
  await using opened = await visit(browser, stack.server);
  const { page, offences } = opened;
  await page.goto(`${stack.server.url}/runs/${id}?tab=changes&file=src%2Fadded.ts`);
  const diff = diffOf(page);
  await clickUntil(page.getByRole("button", { name: "Refresh" }), () => diff.getByText("export const added").isVisible());
  await diff.focus();
  await page.keyboard.press("j");
  await page.keyboard.press("c");
  await page.getByRole("textbox", { name: "Comment on line 1" }).fill("Call it total.");
  await page.keyboard.press("Control+Enter");
  const waiting = page.getByRole("region", { name: "Your comments" });
  await waiting.getByRole("button", { name: "Send to Claude" }).click();
  await waiting.waitFor({ state: "hidden" });
  // It stands among what waits to be told, with the lines that it is about.
  await page.getByRole("link", { name: "Transcript", exact: true }).click();
  await page.getByRole("region", { name: "Waits to be told" }).getByText("Call it total.").waitFor();
  const [said] = await client.talk.list.query({ id });
  expect(said).toMatchObject({ state: "queued", body: { kind: "prompt" } });
  expect(JSON.stringify(said?.body)).toContain("export const added = true;");
  await client.talk.interrupt.mutate({ id });
  await page.getByText("It is called total now.").waitFor();
  expect(await stack.server.untilFinal(id)).toMatchObject({ reason: "passed" });
  expect((await client.runs.list.query({ taskId: task.id })).length).toBe(1);
  expect(offences).toEqual([]);
});
