import type { Question, Run } from "@ccr/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { holdRequests } from "./held.ts";
import { RUNNING, sampleTask } from "./sample-task.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

/** Longer than the page takes to ask anew what was said. */
const TWO_LOOKS_MS = 4500;

const asked: Question = {
  questionId: "q1",
  kind: "choice",
  toolName: "AskUserQuestion",
  toolUseId: "toolu_1",
  input: {
    questions: [
      { question: "Which colour?", header: "Colour", multiSelect: false, options: [{ label: "Red" }, { label: "Blue" }] },
    ],
  },
  description: null,
  canBeAlways: false,
  at: "2026-11-22T20:00:00.000Z",
};

const open = async (patch: Partial<Run>) => {
  const stage = await theatre.open();
  const run = stage.backend.addRun(sampleTask(stage.backend), { ...RUNNING, ...patch });
  await stage.go(`/runs/${run.id}`);
  const box = stage.page.getByRole("textbox", { name: "What to say to Claude Code" });
  const say = async (text: string): Promise<void> => {
    await box.fill(text);
    await stage.page.getByRole("button", { name: "Send", exact: true }).click();
  };
  return { ...stage, run, box, say };
};

test("an answer that is half given outlives a look at another tab and a reload, and every tab leads back to it", async () => {
  await using at = await open({ status: "waiting", questions: [asked] });
  const { page } = at;
  await page.getByRole("radio", { name: "Blue" }).check();
  await page.getByRole("link", { name: "Changes", exact: true }).click();
  await page.getByText("Claude Code waits for your answer.").waitFor();
  await page.reload();
  await page.getByRole("link", { name: "Answer it" }).click();
  expect(await page.getByRole("radio", { name: "Blue" }).isChecked()).toBe(true);
  await page.getByPlaceholder("Something else").fill("Green");
  await page.reload();
  await page.getByPlaceholder("Something else").waitFor();
  expect(await page.getByPlaceholder("Something else").inputValue()).toBe("Green");
  expect(at.offences).toEqual([]);
});

test("an answer on its way cannot be given twice, however long it takes, and can be given again when it is lost", async () => {
  await using at = await open({ status: "waiting", questions: [asked] });
  const { page } = at;
  const decide = await holdRequests(page, "talk.answer");
  await page.getByRole("radio", { name: "Blue" }).check();
  await page.getByRole("button", { name: "Answer", exact: true }).click();
  const other = page.getByRole("button", { name: "Let it decide" });
  await expect.poll(() => other.isDisabled()).toBe(true);
  await page.waitForTimeout(TWO_LOOKS_MS);
  expect(await other.isDisabled()).toBe(true);
  decide("lose");
  await expect.poll(() => other.isDisabled()).toBe(false);
  expect(await page.getByRole("radio", { name: "Blue" }).isChecked()).toBe(true);
});

test("what is said waits to be told while it is on its way, and what is written meanwhile stays in the box", async () => {
  await using at = await open({});
  const { page, box } = at;
  const decide = await holdRequests(page, "talk.say");
  await at.say("yes");
  const waiting = page.getByRole("region", { name: "Waits to be told" });
  await waiting.getByText("yes", { exact: true }).waitFor();
  expect(await box.inputValue()).toBe("");
  await box.pressSequentially("yes, and more");
  await page.waitForTimeout(TWO_LOOKS_MS);
  expect(await waiting.getByRole("listitem").count()).toBe(1);
  decide("let through");
  await expect.poll(() => at.backend.context.talk.list(at.run.id)).toHaveLength(1);
  await expect.poll(() => page.getByRole("button", { name: "Send", exact: true }).isEnabled()).toBe(true);
  expect(await waiting.getByRole("listitem").count()).toBe(1);
  expect(await box.inputValue()).toBe("yes, and more");
});

test("what is said and lost stands in the box again, also when another tab of the run was open meanwhile", async () => {
  await using at = await open({});
  const { page, box } = at;
  const decide = await holdRequests(page, "talk.say");
  await at.say("first");
  await box.fill("second");
  await page.getByRole("link", { name: "Changes", exact: true }).click();
  await page.getByText("No file is changed yet").waitFor();
  decide("lose");
  await page.waitForTimeout(500);
  await page.getByRole("link", { name: "Transcript", exact: true }).click();
  await expect.poll(() => box.inputValue()).toBe("first\n\nsecond");
  await page.getByText("The server cannot be reached", { exact: false }).first().waitFor();
});

test("a change of what waits outlives another tab, and shows what somebody else made of it meanwhile", async () => {
  await using at = await open({});
  const { page, backend, run } = at;
  await at.say("mine");
  await page.getByRole("button", { name: "Change it" }).click();
  const editor = page.getByRole("textbox", { name: "What Claude Code is told" });
  await editor.fill("mine, changed");
  await page.getByRole("link", { name: "Changes", exact: true }).click();
  const [said] = await backend.context.talk.list(run.id);
  if (said === undefined) throw new Error("nothing was said");
  await backend.context.talk.edit({ id: run.id, inputId: said.id, revision: said.revision, text: "theirs" });
  await page.getByRole("link", { name: "Transcript", exact: true }).click();
  await page.getByText("It was changed elsewhere since you began.", { exact: false }).waitFor();
  await page.getByText("theirs", { exact: true }).waitFor();
  expect(await editor.inputValue()).toBe("mine, changed");
  await page.getByRole("button", { name: "Put this in its place" }).click();
  await page.getByRole("region", { name: "Waits to be told" }).getByText("mine, changed", { exact: true }).waitFor();
  await expect.poll(() => backend.context.talk.list(run.id)).toMatchObject([{ body: { text: "mine, changed" } }]);
});

test("what is being written is drawn as it will be: an open code block is one, and no mark of it stands there", async () => {
  await using stage = await theatre.open();
  const { backend, page } = stage;
  const run = backend.addRun(sampleTask(backend), RUNNING);
  const halves = ["Some **bold words", "```js\nconst half = 1;"];
  backend.context.talk.draft = async function* (_id, signal) {
    yield { type: "reset", blocks: halves.map((text, index) => ({ index, kind: "text" as const, name: null, text })) };
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  };
  await stage.go(`/runs/${run.id}`);
  backend.say(run.id, [{ source: "runner", body: { type: "note", text: "It works." }, afterMs: 1 }]);
  const written = page.getByRole("region", { name: "Being written" });
  await written.locator("pre").getByText("const half = 1;").waitFor();
  await written.locator("strong").getByText("bold words").waitFor();
  expect(await written.textContent()).not.toMatch(/```|\*\*/);
});
