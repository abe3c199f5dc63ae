import { RUN_OUTCOMES, RUN_REASONS, type Run, type RunReason } from "@ccr/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { checked, judged, type Said, seqOf, we } from "./said.ts";
import { BAD_EVIDENCE, firstPart, GOOD_EVIDENCE, lastPart, openCall } from "./sample-run.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const SECOND_PROSE = "It says what becomes of accents.";
const steps = [
  { instructions: "Add a slugify function.", checks: "$ npm test\nThe function reads well." },
  { instructions: "Describe it in the README.", checks: `$ grep -q slugify README.md\n${SECOND_PROSE}` },
];
const running: Partial<Run> = { status: "running", stepIndex: 0, startedAt: "2026-11-22T20:00:00.000Z" };
const endedAs = (reason: RunReason): Partial<Run> => ({
  ...running,
  status: RUN_REASONS[reason].status,
  reason,
  sentence: RUN_REASONS[reason].sentence,
  endedAt: "2026-11-22T20:01:00.000Z",
});
const addRun = (backend: MemoryBackend, patch: Partial<Run>) => backend.addRun(backend.addTask({ name: "Slugs", steps }), patch);
const open = async (patch: Partial<Run>, said: readonly Said[], width = 1280) => {
  const stage = await theatre.open({ width });
  const run = addRun(stage.backend, patch);
  stage.backend.say(run.id, [...firstPart(run.id), openCall(), ...said]);
  const goTo = (part: string) => stage.go(`/runs/${run.id}#m${seqOf(stage.backend, run.id, part)}`);
  return { ...stage, run, goTo };
};
/** A busy machine takes its time to draw. */
const soon = { timeout: 10_000 };
const begun = { stepIndex: 0, attempt: 1 };

describe("the transcript", () => {
  test("has a judge as one entry: by what it decides, what it saw, and folded how it came to that", async () => {
    await using stage = await open(endedAs("check_failed"), lastPart());
    const { page, goTo } = stage;
    const log = page.getByRole("log");
    await goTo("judge_started");
    await log.getByText("A judge looks at the checks in prose").first().waitFor();
    await log.getByText("one chain of replacements").waitFor();
    await log.getByText("The function reads well.").waitFor();
    expect(await log.getByText("I read what was changed before I decide.").count()).toBe(0);
    const fold = log.getByRole("button", { name: /How the judge came to that/ }).first();
    expect(await fold.getAttribute("aria-expanded")).toBe("false");
    await fold.press("Enter");
    await log.getByText("I read what was changed before I decide.").waitFor();
    await log.getByRole("button", { name: /Told the judge/ }).waitFor();
    await log.getByText("The judge ended its turn").waitFor();

    await goTo(BAD_EVIDENCE);
    await log.getByText("not met", { exact: true }).waitFor();
    await log.getByText(BAD_EVIDENCE).first().waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("says why there is no verdict, and tells a check that could not be run from one that failed", async () => {
    await using stage = await open(running, [
      ...checked(begun, "vitets run", 127, "bash: line 1: vitets: command not found\n"),
      ...judged(begun, "The function reads well.", null),
    ]);
    const { page, run } = stage;
    await stage.go(`/runs/${run.id}`);
    const log = page.getByRole("log");
    await log.getByText("no verdict", { exact: true }).waitFor();
    await log.getByText("The judge ended without a verdict.").waitFor();
    await log.getByText("could not be run", { exact: true }).waitFor();
    const list = page.getByRole("list", { name: "Checks of step 1" });
    await list.getByText("could not be run ·").waitFor();
    await list.getByText("judged: no verdict").waitFor();
    expect(await list.getByText("exit code").count()).toBe(0);
  });

  test("gives the whole output of a check that printed too much, and says when it is not kept", async () => {
    const [started, finished] = checked(begun, "npm test", 1, "first\nlast\n");
    if (started === undefined || finished?.source !== "runner" || finished.body.type !== "check_finished")
      throw new Error("no check");
    const cut = { ...finished.body, result: { ...finished.body.result, outputTruncated: true } };
    await using stage = await open(endedAs("check_failed"), [
      started,
      we({ ...cut, keptOutput: "1-1-1" }),
      we({ type: "check_started", ...begun, command: "npm run lint" }),
      we({ ...cut, result: { ...cut.result, command: "npm run lint" } }),
    ]);
    const { page, run } = stage;
    await stage.go(`/runs/${run.id}`);
    const log = page.getByRole("log");
    await log.getByText("it was too long to keep.").waitFor();
    const link = log.getByRole("link", { name: "Whole output" });
    expect(await link.count()).toBe(1);
    expect(await link.getAttribute("href")).toBe(`/runs/${run.id}/checks/1-1-1.txt`);
  });

  test("shows what the agent was told for its next attempt, folded when it is long", async () => {
    await using stage = await open(endedAs("check_failed"), lastPart());
    const { page, goTo } = stage;
    const told = page.getByRole("log").getByRole("button", { name: /^Attempt 2: what the agent was told/ });
    await goTo("Your work was checked, and a check did not pass. 'npm test'");
    await told.first().waitFor();
    await expect.poll(() => told.first().getAttribute("aria-expanded"), soon).toBe("false");
    await told.first().press("Enter");
    await page.getByRole("log").getByText("Do not weaken the check").first().waitFor();
    await goTo("Your work was checked, and a check did not pass. 'grep");
    await page.getByRole("log").getByText("It printed nothing.").waitFor();
    await expect.poll(() => told.last().getAttribute("aria-expanded"), soon).toBe("true");
  });
});

describe("the steps", () => {
  test("have their attempts, each with its checks and its verdict, which open by keyboard", async () => {
    await using stage = await open(endedAs("check_failed"), lastPart());
    const { page, run } = stage;
    await stage.go(`/runs/${run.id}`);
    const rail = page.getByRole("complementary", { name: "Steps" });
    await expect
      .poll(() => rail.getByRole("link", { name: /^Attempt/ }).allTextContents(), soon)
      .toEqual(["Attempt 1 of 2", "Attempt 2 of 2", "Attempt 1 of 2", "Attempt 2 of 2"]);
    const first = rail.getByRole("list", { name: "Checks of step 1, attempt 1" });
    expect(await first.getByRole("listitem").allTextContents()).toEqual(["npm testexit code 1 · 812 ms"]);
    const second = rail.getByRole("list", { name: "Checks of step 1, attempt 2" });
    expect(await second.getByRole("listitem").allTextContents()).toEqual([
      "npm testexit code 0 · 812 ms",
      "The function reads well.judged: passed",
    ]);
    await second.getByRole("button", { name: /The function reads well/ }).press("Enter");
    await second.getByText(GOOD_EVIDENCE.split("\n")[0]?.slice(-30) ?? "").waitFor();
    const last = rail.getByRole("list", { name: "Checks of step 2, attempt 2" });
    await last
      .getByRole("button", { name: /accents/ })
      .getByText("judged: not met")
      .waitFor();
  });

  test("show what is still to be checked, what is checked now, and a check that runs again once", async () => {
    const starts = we({ type: "check_started", ...begun, command: "npm test" });
    await using stage = await open(running, [starts]);
    const { page, backend, run } = stage;
    await stage.go(`/runs/${run.id}`);
    const items = (step: number) =>
      page
        .getByRole("list", { name: `Checks of step ${step}` })
        .getByRole("listitem")
        .allTextContents();
    await expect.poll(() => items(1), soon).toEqual(["running: npm test", "not begun: The function reads well.for a judge"]);
    expect(await items(2)).toEqual(["not begun: grep -q slugify README.md", `not begun: ${SECOND_PROSE}for a judge`]);
    backend.say(run.id, [we({ type: "resumed", after: "sandbox", text: "The checks begin again in a new sandbox." })]);
    await expect.poll(() => items(1).then((all) => all[0]), soon).toBe("not begun: npm test");
    await page.getByRole("log").getByText("cut off", { exact: true }).waitFor();
    backend.say(run.id, checked(begun, "npm test", 0));
    await expect.poll(() => items(1).then((all) => all[0]), soon).toBe("npm testexit code 0 · 812 ms");
    backend.say(run.id, judged(begun, "The function reads well.", null).slice(0, 5));
    await expect.poll(() => items(1).then((all) => all[1]), soon).toBe("running: The function reads well.a judge looks at it");
    await page.getByRole("status").filter({ hasText: "A judge looks at the checks in prose" }).waitFor();
  });

  test("show the last attempts of many, and the earlier ones when asked", async () => {
    const many = Array.from({ length: 5 }, (_, index): Said[] => [
      we({ type: "step_started", stepIndex: 0, attempt: index + 2, instructions: "Again." }),
      ...checked({ stepIndex: 0, attempt: index + 2 }, "npm test", 1),
      we({ type: "step_finished", stepIndex: 0, attempt: index + 2, passed: false }),
    ]);
    await using stage = await open(endedAs("check_failed"), many.flat());
    const { page, run } = stage;
    await stage.go(`/runs/${run.id}`);
    const attempts = page.getByRole("complementary", { name: "Steps" }).getByRole("link", { name: /^Attempt/ });
    await attempts.first().waitFor();
    expect(await attempts.count()).toBe(3);
    await page.getByRole("button", { name: "Show 3 earlier attempts" }).click();
    expect(await attempts.count()).toBe(6);
  });
});

describe("an outcome", () => {
  const reasons = [
    "passed",
    "passed_no_changes",
    "check_broken",
    "no_changes",
    "network_refused",
    "limit_turns",
    "clone_failed",
    "sandbox_lost",
    "internal",
    "canceled",
  ] as const satisfies readonly RunReason[];

  test("is shown in every row by its title, its icon and its sentence, and by nothing else", async () => {
    await using stage = await theatre.open({
      path: "/runs",
      prepare: (backend) => void reasons.map((reason) => addRun(backend, endedAs(reason))),
    });
    const { page } = stage;
    const rows = page.getByRole("main").getByRole("listitem");
    await rows.first().waitFor();
    const texts = (await rows.allTextContents()).reverse();
    for (const [index, reason] of reasons.entries()) {
      expect(texts[index]?.startsWith(RUN_OUTCOMES[RUN_REASONS[reason].outcome].title)).toBe(true);
      expect(texts[index]).toContain(RUN_REASONS[reason].sentence);
    }
    for (const word of ["Succeeded", "Errored"]) expect(texts.join()).not.toContain(word);
    expect(await rows.locator("svg.lucide-circle-dot").count()).toBe(1);
    expect(await rows.locator("svg.lucide-shield-x").count()).toBe(1);
  });

  test("is shown on the run's page with what to do about it, also on a phone", async () => {
    for (const width of [1280, 390]) {
      await using stage = await theatre.open({ width });
      const { page, backend } = stage;
      for (const reason of reasons) {
        const { outcome, sentence, next, status } = RUN_REASONS[reason];
        const run = addRun(backend, endedAs(reason));
        backend.say(run.id, [we({ type: "status", status, reason, sentence })]);
        await stage.go(`/runs/${run.id}`);
        const header = page.getByRole("main").locator("header");
        await header.getByText(RUN_OUTCOMES[outcome].title, { exact: true }).waitFor();
        await header.getByText(sentence).waitFor();
        await header.getByText(`What to do: ${next}`).waitFor();
        await page.getByRole("log").getByText(`${RUN_OUTCOMES[outcome].title}.`, { exact: true }).waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
      }
    }
  });

  test("that waits for somebody says so, and a long sentence is shown whole when asked", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const waiting = addRun(backend, { ...running, status: "waiting" });
    await stage.go(`/runs/${waiting.id}`);
    await page.getByText("Waiting for an answer", { exact: true }).waitFor();
    await page.getByText("Claude Code asks a question.").waitFor();
    const run = addRun(backend, { ...endedAs("check_failed"), sentence: `${"It goes on. ".repeat(60)}The end.` });
    await stage.go(`/runs/${run.id}`);
    const status = page.getByRole("status").filter({ hasText: "The end." });
    const height = () => status.evaluate((element) => element.clientHeight);
    const short = await height();
    await page.getByRole("button", { name: "Show all of it" }).press("Enter");
    expect(await height()).toBeGreaterThan(short);
  });

  test("tells how much of its cost went into judging", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const judges = { costUsd: 0.05, inputTokens: 10, outputTokens: 1, turns: 2 };
    const usage = { costUsd: 0.25, inputTokens: 100, outputTokens: 10, turns: 9, judges };
    const run = addRun(backend, { ...endedAs("passed"), usage });
    await stage.go(`/runs/${run.id}`);
    await page.getByText("$0.25, $0.05 of it for judging").waitFor();
  });
});
