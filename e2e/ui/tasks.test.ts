// biome-ignore-all lint/suspicious/noTemplateCurlyInString: an expression of others, which stays as it is
import { readFile } from "node:fs/promises";
import { TaskId } from "@ccr/protocol";
import { createGitRepository, type GitRepository } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { visit } from "../src/browser.ts";
import { type Stack, startStack } from "../src/stack.ts";

/** The agent does what it is told: the word and the file are in the prompt. */
const scenario = {
  name: "tasks",
  rules: [
    {
      match: { matches: "Write the word <([^>]*)> into (\\S+)\\." },
      turns: [
        {
          blocks: [
            {
              type: "tool_use",
              name: "Bash",
              input: { command: "cat > {{match.2}} <<'END'\n{{match.1}}\nEND", description: "Write" },
            },
          ],
        },
        { blocks: [{ type: "text", text: "It is written." }] },
      ],
    },
  ],
};

let browser: Browser;
let stack: Stack;
let repository: GitRepository;
beforeAll(async () => {
  browser = await startBrowser();
  stack = await startStack({ driver: "bubblewrap", scenario });
  repository = await createGitRepository({ path: `${stack.repositories}/words`, files: { "README.md": "# x\n" } });
});
afterAll(async () => {
  await repository?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
  await browser?.close();
});

const open = async (path: string, size: { height?: number } = {}) => {
  const opened = await visit(browser, stack.server, size);
  await opened.page.goto(stack.server.url + path);
  return opened;
};

const newTask = (name: string, steps = [{ instructions: "Do it.", checks: "" }]) =>
  stack.server.client.tasks.create.mutate({ name, steps });
const instructionsOn = (page: Page): Promise<string[]> =>
  page
    .getByLabel("Instructions")
    .evaluateAll((areas) => areas.map((area) => (area instanceof HTMLTextAreaElement ? area.value : "")));

test("a task with three steps is written, its steps moved by button, key and pointer, duplicated, removed and put back", async () => {
  await using opened = await open("/tasks/new", { height: 2400 });
  const { page, offences } = opened;
  await page.getByLabel("Name").fill("Three steps");
  await page.getByLabel("Instructions").fill("one");
  for (const word of ["two", "three"]) {
    await page.getByRole("button", { name: "Add a step" }).click();
    await page.keyboard.type(word);
  }
  expect(await instructionsOn(page)).toEqual(["one", "two", "three"]);
  await page.getByRole("group", { name: "Step 3" }).waitFor();

  await page.getByRole("button", { name: "Move step 3 up" }).click();
  expect(await instructionsOn(page)).toEqual(["one", "three", "two"]);
  await page.getByLabel("Instructions").nth(1).press("Alt+ArrowUp");
  expect(await instructionsOn(page)).toEqual(["three", "one", "two"]);
  // Who writes goes on writing.
  await page.keyboard.type("!");
  expect(await instructionsOn(page)).toEqual(["three!", "one", "two"]);

  const [from, to] = await Promise.all(
    ["Drag step 3", "Drag step 1"].map((name) => page.getByRole("button", { name }).boundingBox()),
  );
  if (from == null || to == null) throw new Error("no handles");
  await page.mouse.move(from.x + 10, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(from.x + 10, from.y - 40, { steps: 5 });
  await page.mouse.move(to.x + 10, to.y + 10, { steps: 15 });
  // Where a drop leads to is known when it was said.
  const isOver = (place: number) => page.getByText(`is over place ${place}`);
  await isOver(1).waitFor({ state: "attached" });
  await page.mouse.up();
  await expect.poll(() => instructionsOn(page)).toEqual(["two", "three!", "one"]);

  await page.getByRole("button", { name: "Drag step 1" }).focus();
  await page.keyboard.press("Space");
  await page.getByText("Step 1 is picked up.").waitFor({ state: "attached" });
  // Until it is known where all steps are, which comes after it was picked up, a key moves nothing.
  const moveDown = async (): Promise<boolean> => {
    await page.keyboard.press("ArrowDown");
    return isOver(2)
      .waitFor({ state: "attached", timeout: 5_000 })
      .then(() => true)
      .catch(() => false);
  };
  await expect.poll(moveDown).toBe(true);
  await page.keyboard.press("Space");
  await expect.poll(() => instructionsOn(page)).toEqual(["three!", "two", "one"]);

  await page.getByRole("button", { name: "Duplicate step 2" }).click();
  expect(await instructionsOn(page)).toEqual(["three!", "two", "two", "one"]);
  await page.getByRole("button", { name: "Insert a step after step 1" }).click();
  await page.keyboard.type("between");
  expect(await instructionsOn(page)).toEqual(["three!", "between", "two", "two", "one"]);
  await page.getByRole("button", { name: "Remove step 3" }).click();
  expect(await instructionsOn(page)).toEqual(["three!", "between", "two", "one"]);
  await page.getByRole("button", { name: "Put it back" }).press("Enter");
  expect(await instructionsOn(page)).toEqual(["three!", "between", "two", "two", "one"]);

  await page.getByRole("button", { name: "Create the task" }).click();
  await page.waitForURL(/\/tasks\/task_/);
  const id = TaskId.parse(/task_\w+/.exec(page.url())?.[0]);
  const task = await stack.server.client.tasks.byId.query({ id });
  expect(task.steps.map(({ instructions }) => instructions)).toEqual(["three!", "between", "two", "two", "one"]);
  expect(offences).toEqual([]);
});

test("checks are marked and explained while they are written, and instructions read as markdown", async () => {
  await using opened = await open("/tasks/new");
  const { page, offences } = opened;
  await page.getByLabel("Checks").fill("$ npm test\n$npm run lint\nThe **names** are good.\n$ cd web");
  await page.getByText("2 commands are run in this order").waitFor();
  await page.getByText("2 lines of prose").waitFor();
  await page.getByText("There is no space after its dollar sign.").waitFor();
  await page.getByText("each command has a shell of its own, so the next one").waitFor();
  const marked = await page
    .locator("[aria-hidden] .code > div")
    .evaluateAll((lines) => lines.map((line) => getComputedStyle(line).backgroundColor !== "rgba(0, 0, 0, 0)"));
  expect(marked).toEqual([true, true, false, true]);
  await page.getByRole("button", { name: "Make it $ npm run lint" }).click();
  expect(await page.getByLabel("Checks").inputValue()).toBe("$ npm test\n$ npm run lint\nThe **names** are good.\n$ cd web");
  await page.getByText("3 commands are run in this order").waitFor();
  await page.getByRole("button", { name: "How a step is checked" }).click();
  await page.getByText("in a sandbox of its own").waitFor();

  await page.getByLabel("Instructions").fill("# Title\n\nDo **this** <img src=x onerror=alert(1)>");
  await page.getByRole("button", { name: "Preview step 1" }).click();
  await page.getByRole("region", { name: "Preview of step 1" }).getByText("Title", { exact: true }).waitFor();
  expect(await page.getByRole("region", { name: "Preview of step 1" }).locator("strong").textContent()).toBe("this");
  expect(await page.getByRole("region", { name: "Preview of step 1" }).locator("img").count()).toBe(0);
  await page.getByRole("button", { name: "Write step 1" }).click();
  expect(await page.getByLabel("Instructions").inputValue()).toContain("# Title");
  expect(offences).toEqual([]);
});

test("changes that were not saved are warned about, and are there again", async () => {
  const { id } = await newTask("Left");
  await using opened = await open(`/tasks/${id}`);
  const { page, offences } = opened;
  await page.getByLabel("Name").fill("Not saved");
  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await page.getByRole("button", { name: "Stay" }).click();
  expect(page.url()).toContain(id);
  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await page.getByRole("button", { name: "Leave, keep the draft" }).click();
  await page.waitForURL(/\/tasks$/);
  await page.getByRole("link", { name: "Left" }).click();
  await expect.poll(() => page.getByLabel("Name").inputValue()).toBe("Not saved");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await page.getByRole("link", { name: "Not saved" }).waitFor();
  expect(offences).toEqual([]);
});

test("a launch asks for parameters, shows what comes of them, and the real run has them as one word", async () => {
  await using opened = await open("/tasks/new");
  const { page, offences } = opened;
  await page.getByLabel("Name").fill("Write a word");
  await page.getByLabel("Instructions").fill("Write the word <{{word}}> into {{file}}. Not ${{ github.ref }}.");
  await page.getByLabel("Checks").fill('$ grep -Fxq {{word}} {{file}}\n$ grep -Fq "{{word}}" "{{file}}"\n$ test ! -e pwned');
  await page.getByRole("button", { name: "Ask for word" }).click();
  await page.getByRole("button", { name: "Ask for file" }).click();
  expect(await page.getByRole("button", { name: /Ask for/ }).count()).toBe(0);
  const file = page.getByRole("group", { name: "Parameter file" });
  await file.getByLabel("Asked for as").fill("The file");
  await file.getByLabel("Kind").selectOption("A choice");
  await file.getByLabel("Choices, one per line").fill("out.txt\nother.txt");
  await file.getByLabel("Value when nothing is given").selectOption("out.txt");
  await page.getByRole("button", { name: "Usual repository, model, network and limits" }).click();
  await page.getByLabel("Usual repository").fill(repository.path);
  await page.getByRole("button", { name: "Create the task" }).click();
  await page.waitForURL(/\/tasks\/task_/);

  const launch = page.getByRole("region", { name: "Launch" });
  expect(await launch.getByLabel("Repository").inputValue()).toBe(repository.path);
  await launch.getByRole("button", { name: "Launch", exact: true }).click();
  await launch.getByText("Is missing: give a value").waitFor();
  const word = 'it\'s $(touch pwned); `touch pwned` "x"';
  await launch.getByLabel("word").fill(word);
  expect(await launch.getByLabel("The file").inputValue()).toBe("out.txt");
  await launch.getByRole("button", { name: "Preview of the steps" }).click();
  await launch.getByText(`Write the word <${word}> into out.txt. Not \${{ github.ref }}.`).waitFor();
  await launch.getByRole("button", { name: "Launch", exact: true }).click();
  await page.waitForURL(/\/runs\/run_/);
  await page.getByText("Passed", { exact: true }).first().waitFor({ timeout: 120_000 });
  await page.getByText("Launched with").waitFor({ state: "attached" });
  const runPage = page.url();
  await page.getByRole("link", { name: "Version 1", exact: true }).click();
  await page.getByText("As it was made").waitFor();
  await page.goto(runPage);

  // Again, as it was.
  await page.getByRole("link", { name: "Launch again" }).click();
  await expect.poll(() => page.getByRole("region", { name: "Launch" }).getByLabel("word").inputValue()).toBe(word);
  const id = TaskId.parse(/task_\w+/.exec(page.url())?.[0]);
  const [run] = await stack.server.client.runs.list.query({ taskId: id });
  expect(run).toMatchObject({ taskVersion: 1, parameters: { word, file: "out.txt" }, repository: repository.path });
  expect(run?.steps[0]?.checks).toContain(`grep -Fxq 'it'\\''s $(touch pwned); \`touch pwned\` "x"' 'out.txt'`);

  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await page
    .getByRole("list", { name: "Last run of Write a word" })
    .getByText(/^Passed, /)
    .waitFor();

  // From the list, with another value, which the check then looks for.
  await page.getByRole("button", { name: "Launch Write a word" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("word").fill("plain");
  await dialog.getByLabel("The file").selectOption("other.txt");
  await dialog.getByRole("button", { name: "Launch", exact: true }).click();
  await page.waitForURL(/\/runs\/run_/);
  await page.getByText("Passed", { exact: true }).first().waitFor({ timeout: 120_000 });
  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await page.getByRole("link", { name: "Runs of Write a word" }).click();
  await page.waitForURL(/\/runs\?task=task_/);
  expect(offences).toEqual([]);
});

test("the list is searched, ordered, and copies a task", async () => {
  await newTask("Zebra crossing");
  await using opened = await open("/tasks");
  const { page, offences } = opened;
  await page.getByRole("searchbox", { name: "Search tasks" }).fill("zebra");
  await page.getByRole("button", { name: "Duplicate Zebra crossing" }).click();
  await page.getByText("“Zebra crossing (copy)” was made.", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Zebra crossing (copy)", exact: true }).waitFor();
  await page.getByRole("combobox", { name: "Order" }).selectOption("Name");
  await expect.poll(() => new URL(page.url()).search).toBe("?q=zebra&sort=name");
  await page.getByRole("searchbox", { name: "Search tasks" }).fill("no such");
  await page.getByText("No task has this name").waitFor();
  await page.getByRole("button", { name: "Launch Zebra" }).waitFor({ state: "detached" });
  expect(offences).toEqual([]);
});

test("a task is exported, deleted, and comes back from its file; what is there already is told", async () => {
  const { id } = await newTask("Traveller", [{ instructions: "Go.", checks: "$ true" }]);
  await using opened = await open(`/tasks/${id}`);
  const { page, offences } = opened;
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const path = await (await download).path();
  const text = await readFile(path, "utf8");
  expect(JSON.parse(text)).toMatchObject({ format: "claude-code-runner/tasks", version: 1, tasks: [{ name: "Traveller" }] });
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/tasks$/);
  await page.getByText("was deleted.", { exact: false }).first().waitFor();

  await page.getByRole("link", { name: "Import" }).click();
  await page.getByLabel("Text of the file").fill(text.replace('"instructions": "Go."', '"instructions": ""'));
  await page.getByText("Line 9:").waitFor();
  await page.getByText("tasks[0].steps[0].instructions").waitFor();
  await page.getByLabel("File with tasks").setInputFiles(path);
  await page.getByRole("list", { name: "Tasks in the file" }).getByText("Traveller").waitFor();
  await page.getByRole("button", { name: "Import 1 task" }).click();
  await page.waitForURL(/\/tasks$/);
  await page.getByRole("link", { name: "Traveller", exact: true }).waitFor();

  await page.getByRole("link", { name: "Import" }).click();
  await page.getByLabel("File with tasks").setInputFiles(path);
  await page.getByText("This one becomes “Traveller (copy)”.").waitFor();
  await page.getByLabel("What becomes of Traveller").selectOption("Replace it");
  await page.getByText("What is there stays in its history.").waitFor();
  await page.getByLabel("What becomes of Traveller").selectOption("Make a copy");
  await page.getByRole("button", { name: "Import 1 task" }).click();
  await page.waitForURL(/\/tasks$/);
  await page.getByRole("link", { name: "Traveller (copy)", exact: true }).waitFor();
  const all = await stack.server.client.tasks.list.query();
  expect(all.filter(({ name }) => name.startsWith("Traveller")).map(({ steps }) => steps)).toEqual([
    [{ instructions: "Go.", checks: "$ true" }],
    [{ instructions: "Go.", checks: "$ true" }],
  ]);
  expect(offences).toEqual([]);
});

test("of two pages that change one task, neither loses what it has, and the history has both", async () => {
  const { id } = await newTask("Shared");
  await using first = await open(`/tasks/${id}`);
  await using second = await open(`/tasks/${id}`);
  await first.page.getByLabel("Instructions").fill("As the first says.");
  await second.page.getByLabel("Instructions").fill("As the second says.");
  await first.page.getByRole("button", { name: "Save", exact: true }).click();
  await first.page.getByText("Saved.", { exact: true }).waitFor();
  await second.page.getByRole("button", { name: "Save", exact: true }).click();
  await second.page.getByText("This task was saved elsewhere").waitFor();
  expect(await second.page.getByLabel("Instructions").inputValue()).toBe("As the second says.");
  await second.page.getByRole("button", { name: "Show the differences" }).click();
  await second.page.getByText("As the first says.").waitFor();
  expect((await stack.server.client.tasks.byId.query({ id })).steps[0]?.instructions).toBe("As the first says.");
  await second.page.getByRole("button", { name: "Save mine as version 3" }).click();
  await second.page.getByText("Saved. The version before is in the history.", { exact: true }).waitFor();

  const { page } = second;
  await page.getByRole("link", { name: "Version 3" }).click();
  await page.getByRole("link", { name: /^Version 3 – as it is now/ }).waitFor();
  await page.getByText("As the second says.").waitFor();
  await page.getByRole("link", { name: /^Version 1 / }).click();
  await page.getByText("Saved ").first().waitFor();
  await page.getByRole("button", { name: "Restore this version" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Restore" }).click();
  await page.getByText("Version 1 is restored, as version 4.", { exact: true }).waitFor();
  await page.getByRole("link", { name: /^Version 4 – as it is now/ }).waitFor();
  const task = await stack.server.client.tasks.byId.query({ id });
  expect(task).toMatchObject({ version: 4, steps: [{ instructions: "Do it." }] });
  const versions = await stack.server.client.tasks.history.query({ id });
  expect(versions.map(({ version, changed }) => [version, changed])).toEqual([
    [4, ["steps"]],
    [3, ["steps"]],
    [2, ["steps"]],
    [1, null],
  ]);
  expect([...first.offences, ...second.offences]).toEqual([]);
});
