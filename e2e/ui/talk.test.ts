import { rm } from "node:fs/promises";
import { type Run, RunId } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { allMessages } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });
const say = (text: string) => ({ blocks: [{ type: "text", text }] });
const tool = (name: string, input: Record<string, unknown>) => ({ blocks: [{ type: "tool_use", name, input }] });
const option = (label: string) => ({ label, description: `It is ${label.toLowerCase()}.` });
const COLOURS = {
  questions: [
    { question: "Which colour?", header: "Colour", multiSelect: false, options: [option("Red"), option("Blue")] },
    { question: "Which sizes?", header: "Size", multiSelect: true, options: [option("Small"), option("Large")] },
  ],
};
const LONG = "This is written slowly, so that somebody can look on while it comes. ".repeat(12);

const scenario = {
  name: "talk-on-the-page",
  rules: [
    { match: { contains: "Make it green" }, turns: [{ blocks: [bash("echo green > colour.txt")] }, say("It is green.")] },
    { match: { contains: "ASK" }, turns: [tool("AskUserQuestion", COLOURS), say("You said: {{lastToolResult}}")] },
    { match: { contains: "WRITE" }, turns: [tool("Write", { file_path: "/workspace/a.txt", content: "a" }), say("Written.")] },
    {
      match: { contains: "SEVERAL" },
      turns: [
        { blocks: [bash("echo made > made.txt")] },
        tool("Write", { file_path: "/workspace/b.txt", content: "b" }),
        tool("Write", { file_path: "/workspace/c.txt", content: "c" }),
        say("All three are there."),
      ],
    },
    {
      match: { contains: "PLAN" },
      turns: [
        // Claude Code keeps its plan in a file, and asks without it.
        { blocks: [bash("mkdir -p ~/.claude/plans && echo '# Paint it red' > ~/.claude/plans/red.md")] },
        tool("EnterPlanMode", {}),
        tool("ExitPlanMode", {}),
        tool("ExitPlanMode", {}),
        tool("Write", { file_path: "/workspace/blue.txt", content: "blue" }),
        say("Painted."),
      ],
    },
    {
      match: { contains: "Go on with what you were doing." },
      turns: [tool("AskUserQuestion", COLOURS), { blocks: [bash("echo decided; timeout 0.3 tail -f /dev/null")], repeat: 500 }],
    },
    {
      match: { contains: "SLOWLY" },
      turns: [{ blocks: [{ type: "text", text: LONG }], pace: { betweenChunksMs: 150, chunkCharacters: 20 } }],
    },
    { match: { contains: "ENDLESS" }, turns: [{ blocks: [bash("echo tick; timeout 0.3 tail -f /dev/null")], repeat: 500 }] },
  ],
};

describe("talking to a run, on its page", () => {
  let stack: Stack;
  let browser: Browser;
  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStack({ driver: "bubblewrap", scenario }), startBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  const open = async (
    name: string,
    options: { instructions: string; permissionMode?: Run["permissionMode"]; width?: number },
  ) => {
    const { client } = stack.server;
    const { instructions, permissionMode = "bypassPermissions", width = 1280 } = options;
    const repository = await createGitRepository({ path: `${stack.repositories}/${name}`, files: { "README.md": "# x\n" } });
    const task = await client.tasks.create.mutate({ name, steps: [{ instructions, checks: "" }], allowNoChanges: true });
    const { id } = await client.runs.create.mutate({
      taskId: task.id,
      repository: repository.path,
      permissionMode,
      delivery: { to: "branch" },
    });
    const opened = await visit(browser, stack.server, { width, height: 900 });
    await opened.page.goto(`${stack.server.url}/runs/${id}`);
    return { id, ...opened };
  };
  /** What we said of a kind, in the order of the transcript. */
  const typesOf = async (id: Run["id"], type: string) =>
    (await allMessages(stack.server.client, id)).flatMap(({ source, body }) =>
      source === "runner" && body.type === type ? [body] : [],
    );
  const box = (page: Page) => page.getByLabel("What to say to Claude Code");

  it("keeps what is said until the turn has ended, lets it be changed and taken back, and tells it now when asked to", async () => {
    await using at = await open("queue", { instructions: "ENDLESS" });
    const { page, id } = at;
    await page.getByText("tick").first().waitFor();
    await box(page).fill("Make it blue");
    await box(page).press("Control+Enter");
    const waiting = page.getByRole("region", { name: "Waits to be told" });
    await waiting.getByText("Make it blue").waitFor();
    await expect.poll(() => box(page).inputValue()).toBe("");
    await box(page).fill("Never mind");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await waiting.getByText("Never mind").waitFor();
    // It is shown before the server has it, and kept so long: a reload would write it into the box again.
    await page.waitForFunction((key) => sessionStorage.getItem(key) === null, `ccr.say.${id}`);
    await page.reload();
    await waiting.getByRole("listitem").filter({ hasText: "Never mind" }).getByRole("button", { name: "Take back" }).click();
    await waiting.getByText("Never mind").waitFor({ state: "detached" });
    await waiting.getByRole("button", { name: "Change it" }).click();
    await waiting.getByLabel("What Claude Code is told").fill("Make it green");
    await waiting.getByRole("button", { name: "Save" }).click();
    await waiting.getByText("Make it green").waitFor();
    // Whoever is just changing it when it is told keeps the words.
    await waiting.getByRole("button", { name: "Change it" }).click();
    await waiting.getByLabel("What Claude Code is told").fill("Make it green, and light");
    await waiting.getByRole("button", { name: "Tell it now" }).click();
    await page.getByText("It is green.").waitFor();
    const late = page.getByRole("region", { name: "A change that came too late" });
    await late.getByRole("button", { name: "Put it into the box" }).click();
    await late.waitFor({ state: "detached" });
    expect(await page.locator("textarea").last().inputValue()).toBe("Make it green, and light");
    await page.getByText("Passed", { exact: true }).first().waitFor();
    expect((await stack.server.client.talk.list.query({ id })).map(({ state }) => state)).toEqual([
      "taken",
      "withdrawn",
      "taken",
    ]);
    // What came of it was pushed: another run goes on from there, on its branch.
    await page.getByLabel("What is to be done next").fill("Make it green again");
    await page.getByRole("button", { name: "Go on from here" }).click();
    await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !url.pathname.includes(id));
    await page.getByText("goes on from an earlier run").waitFor();
    await page.getByText("It is green.").waitFor();
    expect(at.offences).toEqual([]);
  });

  it("keeps what nobody was told when the run ends, for one that goes on from it", async () => {
    await using at = await open("untold", { instructions: "ENDLESS" });
    const { page, id } = at;
    await page.getByText("tick").first().waitFor();
    await box(page).fill("Make it green");
    await box(page).press("Control+Enter");
    await page.getByRole("region", { name: "Waits to be told" }).getByText("Make it green").waitFor();
    await stack.server.client.runs.cancel.mutate({ id });
    const untold = page.getByRole("region", { name: "Was not told" });
    await untold.getByText("Make it green").waitFor();
    await untold.getByRole("button", { name: "Put it into the box" }).click();
    expect(await page.getByLabel("What is to be done next").inputValue()).toBe("Make it green");
    expect(at.offences).toEqual([]);
  });

  it("waits after an interruption, says so everywhere, and goes on when it is told to", async () => {
    await using at = await open("interrupt", { instructions: "ENDLESS" });
    const { page } = at;
    await page.getByText("tick").first().waitFor();
    await page.getByRole("button", { name: "Interrupt", exact: true }).click();
    await page.getByRole("heading", { name: "Claude Code was interrupted, and waits for you" }).waitFor();
    await page.getByText("Waiting for an answer").first().waitFor();
    // The box grows and shrinks as one writes, and the end stays in sight.
    for (const words of ["One line", "Many lines\n".repeat(15), "One line again"]) {
      await box(page).fill(words);
      await page.waitForTimeout(300);
      expect(await page.getByRole("button", { name: /Jump to latest|new message/ }).count()).toBe(0);
    }
    await box(page).fill("Make it green");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("It is green.").waitFor();
    await page.getByText("Passed", { exact: true }).first().waitFor();
    expect(at.offences).toEqual([]);
  });

  it.each([1280, 390])("answers Claude Code's questions at %d pixels", async (width) => {
    await using at = await open(`ask-${width}`, { instructions: "ASK", width });
    const { page } = at;
    const card = page.getByRole("region", { name: "Claude Code has 2 questions" });
    await card.waitFor();
    const answer = card.getByRole("button", { name: "Answer" });
    expect(await answer.isDisabled()).toBe(true);
    await card.getByRole("radio", { name: "Blue" }).check();
    await card.getByRole("checkbox", { name: "Large" }).check();
    await card.getByLabel("Another answer: Which sizes?").fill("Huge");
    await answer.click();
    await page.getByText("You said:").waitFor();
    await page.getByText("Large, Huge").first().waitFor();
    expect(at.offences).toEqual([]);
  });

  it("allows what Claude Code asks for, and says why not", async () => {
    await using at = await open("permission", { instructions: "WRITE", permissionMode: "default" });
    const { page } = at;
    const card = page.getByRole("region", { name: "Claude Code asks whether it may use Write" });
    await card.getByText("a.txt").first().waitFor();
    await card.getByRole("button", { name: "Do not allow" }).click();
    await card.getByLabel("What it should do instead").fill("Write b.txt instead.");
    await card.getByRole("button", { name: "Do not allow" }).click();
    await page.getByText("Write b.txt instead.").first().waitFor();
    await page.getByText("Passed without changes").first().waitFor();
    expect(at.offences).toEqual([]);
  });

  it("allows one thing, and another one with all that are like it, on a phone", async () => {
    await using at = await open("allowed", { instructions: "SEVERAL", permissionMode: "default", width: 390 });
    const { page, id } = at;
    const command = page.getByRole("region", { name: "Claude Code asks whether it may use Bash" });
    await command.getByText("echo made > made.txt").first().waitFor();
    await command.getByRole("button", { name: "Allow", exact: true }).click();
    const file = page.getByRole("region", { name: "Claude Code asks whether it may use Write" });
    await file.getByText("b.txt").first().waitFor();
    await command.waitFor({ state: "detached" });
    await file.getByRole("button", { name: "Allow the like from now on" }).click();
    await page.getByText("All three are there.").waitFor();
    await page.getByText("Passed", { exact: true }).first().waitFor();
    // The second file was not asked about.
    expect(await typesOf(id, "question_asked")).toHaveLength(2);
    const { files } = await stack.server.client.runs.diff.query({ id });
    expect(files.map(({ path }) => path)).toEqual(["b.txt", "c.txt", "made.txt"]);
    expect(at.offences).toEqual([]);
  });

  it("has a plan changed by words, approves the next one, and is asked before what comes of it", async () => {
    await using at = await open("plan", { instructions: "PLAN" });
    const { page, id } = at;
    const card = page.getByRole("region", { name: "Claude Code has made a plan, and asks whether to go on with it" });
    await card.getByText("Paint it red").waitFor();
    await card.getByRole("button", { name: "Keep planning…" }).click();
    await card.getByRole("button", { name: "Back" }).click();
    await card.getByRole("button", { name: "Keep planning…" }).click();
    await card.getByLabel("What should be different").fill("Rather blue.");
    await card.getByRole("button", { name: "Keep planning", exact: true }).click();
    // The next one is asked about anew.
    await card.getByLabel("After that").selectOption("Then it asks first");
    await card.getByRole("button", { name: "Approve the plan" }).click();
    // It asks: so it was told the mode that was chosen.
    const file = page.getByRole("region", { name: "Claude Code asks whether it may use Write" });
    await file.getByText("blue.txt").first().waitFor();
    await page.getByRole("button", { name: "How it works: Asks first, default model" }).waitFor();
    expect((await stack.server.client.runs.byId.query({ id })).permissionMode).toBe("default");
    const told = stack.model.requests.flatMap(({ toolResults }) => toolResults.map(({ text }) => text)).join("\n");
    expect(told).toContain("Rather blue.");
    expect(told).toContain("User has approved exiting plan mode");
    await file.getByRole("button", { name: "Allow", exact: true }).click();
    await page.getByText("Painted.").waitFor();
    await page.getByText("Passed", { exact: true }).first().waitFor();
    expect(at.offences).toEqual([]);
  });

  it("lets it go on after an interruption, lets it decide, and breaks it off with other words", async () => {
    await using at = await open("let", { instructions: "ENDLESS" });
    const { page, id } = at;
    await page.getByText("tick").first().waitFor();
    await page.getByRole("button", { name: "Interrupt", exact: true }).click();
    await page.getByRole("button", { name: "Let it go on" }).click();
    await page.getByRole("button", { name: "Let it decide" }).click();
    await page.getByText("decided").first().waitFor();
    await page.getByText("The person leaves this to you", { exact: false }).first().waitFor();
    await box(page).fill("Make it green");
    await page.getByRole("button", { name: "Interrupt and send" }).click();
    await page.getByText("It is green.").waitFor();
    await page.getByText("Passed", { exact: true }).first().waitFor();
    expect(await box(page).count()).toBe(0);
    expect(await typesOf(id, "said")).toMatchObject([{ text: "Go on with what you were doing." }, { text: "Make it green" }]);
    expect(at.offences).toEqual([]);
  });

  it("shows what Claude Code is writing while it writes it", async () => {
    await using at = await open("slowly", { instructions: "SLOWLY" });
    const { page } = at;
    const draft = page.getByRole("region", { name: "Being written" });
    await draft.getByText("This is written slowly").waitFor();
    const before = (await draft.textContent())?.length ?? 0;
    await waitFor(async () => ((await draft.textContent())?.length ?? 0) > before + 40, { what: "more of it" });
    await draft.waitFor({ state: "detached" });
    expect(await page.getByRole("log").getByText(LONG.trim()).count()).toBe(1);
    expect(at.offences).toEqual([]);
  });

  it("changes the model and what it may do while it works", async () => {
    await using at = await open("configure", { instructions: "ENDLESS" });
    const { page, id } = at;
    await page.getByText("tick").first().waitFor();
    await page.getByRole("button", { name: /^How it works/ }).click();
    await page.getByLabel("What it may do").selectOption("acceptEdits");
    await page.getByRole("combobox", { name: "Model" }).fill("claude-haiku-4-5");
    await page.getByRole("button", { name: "Use this model" }).click();
    await waitFor(
      async () => {
        const { model, permissionMode } = await stack.server.client.runs.byId.query({ id });
        return model === "claude-haiku-4-5" && permissionMode === "acceptEdits";
      },
      { what: "the change" },
    );
    await page.getByRole("button", { name: "How it works: Edits freely, claude-haiku-4-5" }).waitFor();
    await stack.server.client.runs.cancel.mutate({ id });
    await stack.server.untilFinal(id);
    expect(at.offences).toEqual([]);
  });

  it("goes on from work that was never pushed, and says what to do where that is gone", async () => {
    await using at = await open("kept", { instructions: "ENDLESS" });
    const { page, id } = at;
    const { client } = stack.server;
    await page.getByText("tick").first().waitFor();
    await client.runs.cancel.mutate({ id });
    await stack.server.untilFinal(id);
    const next = page.getByLabel("What is to be done next");
    await next.waitFor();
    expect(await next.getAttribute("placeholder")).toContain("goes on with this work, as it was left");
    await next.fill("Make it green");
    await page.getByRole("button", { name: "Go on from here" }).click();
    await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !url.pathname.includes(id));
    await page.getByText("It is green.").waitFor();
    const second = RunId.parse(new URL(page.url()).pathname.split("/").at(-1));
    expect(await stack.server.untilFinal(second)).toMatchObject({ reason: "passed", continues: { runId: id } });

    // A third one would need the work of the second, had that not been pushed.
    const third = await client.runs.create.mutate({
      taskId: (await client.runs.byId.query({ id })).taskId,
      repository: (await client.runs.byId.query({ id })).repository,
    });
    await page.goto(`${stack.server.url}/runs/${third.id}`);
    await page.getByText("tick").first().waitFor();
    await client.talk.say.mutate({ id: third.id, text: "Make it green", now: true });
    await page.getByText("It is green.").waitFor();
    expect(await stack.server.untilFinal(third.id)).toMatchObject({ delivered: null });
    await rm(stack.folder.join("data", "kept", third.id), { recursive: true });
    await page.getByLabel("What is to be done next").fill("Make it green again");
    await page.getByRole("button", { name: "Go on from here" }).click();
    await page.getByRole("alert").getByText("not kept any more: launch that run again", { exact: false }).waitFor();
    expect(await page.getByLabel("What is to be done next").inputValue()).toBe("Make it green again");
    expect(at.offences).toEqual([]);
  });
});
