import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, gave, type Said, says, text } from "./said.ts";
import { sampleKinds } from "./sample-kinds.ts";
import { samplePicture } from "./sample-picture.ts";
import { openTheatre, type Stage, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

/** A run in which this was said, on the page. */
const openRun = async (said: readonly Said[], options: { width?: number } = {}): Promise<Stage> => {
  let path = "";
  const stage = await theatre.open({
    ...options,
    prepare(backend) {
      const task = backend.addTask({ name: "All kinds", steps: [{ instructions: "Change the limit.", checks: "" }] });
      const run = backend.addRun(task, { status: "running", stepIndex: 0, startedAt: "2026-11-22T20:00:00.000Z" });
      backend.say(run.id, said);
      path = `/runs/${run.id}`;
    },
  });
  // So high that all of it is drawn at once: what is looked for need not be scrolled to.
  await stage.page.setViewportSize({ width: options.width ?? 1280, height: 12_000 });
  await stage.go(path);
  return stage;
};

const log = (page: Page): Locator => page.getByRole("log", { name: "Transcript" });
/** The entry with a line of this text, and its button. */
const entry = (page: Page, line: RegExp): Locator =>
  log(page)
    .locator("[id^=m]")
    .filter({ has: page.getByRole("button", { name: line }) });
const open = async (page: Page, line: RegExp): Promise<Locator> => {
  const button = log(page).getByRole("button", { name: line }).first();
  if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
  return entry(page, line).first();
};

test("every kind of message and tool is drawn as what it is", async () => {
  await using stage = await openRun(sampleKinds());
  const { page } = stage;
  await log(page).getByText("npm run long").waitFor();
  const holds = async (line: RegExp, ...parts: (string | RegExp)[]): Promise<void> => {
    const found = await open(page, line);
    for (const part of parts) await found.getByText(part).first().waitFor();
  };
  await holds(/^Thinking First I look/, "change");
  await log(page).getByText("keeps to itself").waitFor();
  await log(page).getByText("about 1.8k tokens").waitFor();
  await log(page).getByText("Broken off here").waitFor();
  await holds(/^Bash for name in/, "Shout three names", "100 % done", "orange of 256", "committed 1f3c9ab01d2");
  await holds(/^Bash npm test exit 1/, "line 60 of the output", "48 lines not shown");
  await holds(/^Bash true/, "No output");
  await holds(/^Bash npm run dev stopped/, "In the background as b1.");
  await holds(/^Output of a command b1/, "ready on port 3000");
  await holds(/^Read src\/config.ts lines 1–7 of 120/, "utf8 is all we take");
  await holds(/^Read manual.pdf/, "3 pages, 471 KB");
  await holds(/^Read analysis.ipynb 2 cells/, "Code, cell c2", "45");
  await holds(/^Write src\/new.py/, "def");
  await holds(/^Edit src\/config.ts/, "latin1");
  await holds(/^Edit src\/gone.ts failed/, "String to replace not found in file.");
  await holds(/^Edit notebook/, "100");
  await holds(/^Grep readConfig 2 matches in 2 files/, "src/config.ts");
  await holds(/^Grep x\+ 4 matches in 2 files/, "src/a.ts");
  await holds(/^Glob \*\*\/\*.ts 2 files/, "src/main.ts");
  await holds(/^Todo list 3 items/, "Changing the file");
  await holds(/^Todo Write the tests · in progress/, "Waits for #7");
  await holds(/^Subagent Find the callers .*6.5k tokens/, "What it reported", "Explore");
  await log(page).getByText("I search.").waitFor();
  await entry(page, /^Subagent Watch the build/)
    .getByText("in the background")
    .waitFor();
  await holds(/^Fetch https/, "200 OK");
  await holds(/^Web search/, "All limits.");
  await holds(/^Linear · Create issue Document limits/, "good first issue", "Todo", "The text of the resource", "hologram");
  await holds(/^Question Which limit is right/, "Neither: 44", "config.ts");
  await holds(/^Plan The plan/, "The plan was approved.");
  await holds(/^Findings 1 finding/, "The limit is off by one", /important · confirmed/);
  await holds(/^HologramProjector/, "projected");
  await holds(/^Bash rm -rf \/ not allowed/, "A rule denies it");
  await holds(/^Hook PreToolUse:Bash ran/, "checked");
  await holds(/^Hook PostToolUse:Edit failed, exit 2/, "lint failed");
  await holds(/^\/review src/, "Nothing to review.");
  await holds(/summed up to make room \(162k tokens to 8.1k\)/, "The limit was changed.");
  await holds(/4 signals$/, "Slash commands: 2.");
  for (const line of [
    "Permission mode: acceptEdits",
    "seven-day limit is nearly used up · 91 % used",
    "five-hour limit is used up; Claude Code waits",
    "Try 2 of 10, in 4.2 s",
    "In short: Changed the limit",
    "suggests to ask next: Now document it",
    "Of course I answer that.",
    "The model’s API failed",
    "used up the calls of the model that it may make",
    "Claude Code was interrupted",
    "the API answered 529",
  ])
    await log(page).getByText(line).first().waitFor();
  await holds(/^Error: Signing in failed: The token has expired/, "Open the page");
  await holds(/^Warning: 1 file was kept, 1 could not be/, "big.bin: too large");
  await holds(/^Recalled from memory: 1 note/, "Short sentences.");
  await holds(/took this back/, "I will not answer that.");
  await holds(/novelty\/from_the_future/, "nested");
  await holds(/^Claude Code ended its turn/, "All of it.", "claude-sonnet-5");
  expect(stage.offences).toEqual([]);
});

test("code gets its colours after its text, also under the policy of the server", async () => {
  await using stage = await openRun(sampleKinds());
  const { page } = stage;
  const block = log(page).getByRole("region", { name: "Code, ts" });
  await block.getByText("const answer").waitFor();
  const keyword = block.locator("span.text-code-keyword", { hasText: "const" });
  await keyword.first().waitFor();
  const command = (await open(page, /^Bash for name in/)).getByRole("region", { name: "Command" });
  await command.locator("span.text-code-comment", { hasText: "# shout" }).waitFor();
  expect(await command.textContent()).toContain('echo "$name" | tr a-z A-Z # shout');
  const light = await keyword.first().evaluate((node) => getComputedStyle(node).color);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await keyword.first().evaluate((node) => getComputedStyle(node).color)).not.toBe(light);
  expect(stage.offences).toEqual([]);
});

test("an image opens large, by keyboard too, and Esc goes back to it", async () => {
  const source = { type: "base64", media_type: "image/png", data: samplePicture(200, 120) };
  const broken = { type: "base64", media_type: "image/png", data: "AAAA" };
  const script = { type: "base64", media_type: "image/svg+xml", data: "PHN2Zy8+" };
  await using stage = await openRun([
    says([call("r", "Read", { file_path: "/workspace/logo.png" })]),
    gave(
      "r",
      [source, broken, script].map((each) => ({ type: "image", source: each })),
    ),
  ]);
  const { page } = stage;
  await page.setViewportSize({ width: 1280, height: 800 });
  const found = await open(page, /^Read logo.png/);
  await found.getByText("Image 2: the image cannot be shown").waitFor();
  await found.getByText("Image 3: an image of the kind image/svg+xml, which is not shown").waitFor();
  const image = found.getByRole("button", { name: /^Image 1, PNG · 200 × 120 · .*: show it large/ });
  await image.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: /^Image 1 · PNG/ });
  expect(await dialog.getByRole("img").boundingBox()).toMatchObject({ width: 200, height: 120 });
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  expect(await image.evaluate((node) => node === document.activeElement)).toBe(true);
  expect(stage.offences).toEqual([]);
});

test("nothing is loaded from elsewhere, links leave in a tab of their own, and no line makes the page wider", async () => {
  await using stage = await openRun(
    [...sampleKinds(), says([text(`| ${"wide ".repeat(80)} |\n|---|\n| ${"x".repeat(900)} |`)])],
    { width: 390 },
  );
  const { page } = stage;
  await log(page).getByText("npm run long").waitFor();
  for (const line of [/^Web search/, /^Linear · Create issue/, /^Read src/, /^Grep readConfig/, /^HologramProjector/])
    await open(page, line);
  const links = await log(page)
    .locator("a[target=_blank]")
    .evaluateAll((nodes) => nodes.map((node) => [node.getAttribute("href"), node.getAttribute("rel")]));
  expect(links.length).toBeGreaterThan(4);
  for (const [href, rel] of links) {
    expect(href).toMatch(/^https:\/\/example/);
    expect(rel).toContain("noopener");
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect(await log(page).evaluate((node) => [node.scrollWidth, node.clientWidth])).toEqual([390, 390]);
  expect(stage.offences).toEqual([]);
});

test("thousands of lines of code can be scrolled through while they are coloured", async () => {
  const code = (seed: number): string =>
    Array.from(
      { length: 40 },
      (_, line) => `export const value${seed}_${line} = (name: string): number => name.length + ${line}; // ${seed}`,
    ).join("\n");
  const said = Array.from({ length: 300 }, (_, seed) =>
    says([call(`w${seed}`, "Write", { file_path: `/workspace/src/file${seed}.ts`, content: code(seed) })]),
  );
  await using stage = await openRun(said);
  const { page } = stage;
  await page.setViewportSize({ width: 1280, height: 800 });
  await log(page).getByText("src/file299.ts").waitFor();
  await log(page).evaluate(async (node) => {
    for (let step = 0; step < 120; step += 1) {
      node.scrollTop -= 900;
      await new Promise(requestAnimationFrame);
    }
  });
  // Beside the page, so that no frame waits for it, and one text after the other.
  expect(page.workers()).toHaveLength(1);
  await log(page).locator("span.text-code-keyword").first().waitFor();
  expect(stage.offences).toEqual([]);
});
