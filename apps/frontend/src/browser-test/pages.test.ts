import type { Run } from "@ccr/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { newInstance } from "./memory-backend.ts";
import { TOKEN } from "./page-server.ts";
import { seqOf } from "./said.ts";
import { allowedRecord, BAD_EVIDENCE, firstPart, lastPart, openCall, refusedRecord, samplePatch } from "./sample-run.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const steps = [
  { instructions: "Add a slugify function.", checks: "$ npm test\nThe function reads well." },
  { instructions: "Describe it in the README.", checks: "$ grep -q slugify README.md\nIt says what becomes of accents." },
];
const task = (backend: MemoryBackend, name = "Add a slugify function") => backend.addTask({ name, steps });
const running: Partial<Run> = {
  status: "running",
  stepIndex: 0,
  baseCommit: "1f3c9ab01",
  driver: "bubblewrap",
  startedAt: "2026-11-22T20:00:00.000Z",
};
const ended: Partial<Run> = {
  ...running,
  status: "failed",
  reason: "check_failed",
  sentence: `A check did not pass. Step 2 of 2: A judge found: ${BAD_EVIDENCE} These were 2 attempts.`,
  endedAt: "2026-11-22T20:01:00.000Z",
};

describe("tasks", () => {
  test("is written, survives a reload unsaved, is refused with reasons, saved, launched and watched to its end", async () => {
    await using stage = await theatre.open({ path: "/?launch=task" });
    const { page, backend } = stage;
    await page.getByRole("link", { name: "New task" }).click();
    await page.getByRole("button", { name: "Create the task" }).click();
    await page.getByText("The name is empty: give the task a name").waitFor();
    await page.getByText("The instructions are empty").waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-invalid"))).toBe("true");

    await page.getByLabel("Name").fill("Add a slugify function");
    await page.getByLabel("Instructions").fill("Write it.");
    await page.getByLabel("Checks").fill("$ npm test\n$npm run lint");
    await page.getByText("There is no space after its dollar sign").waitFor();
    await page.getByRole("button", { name: "Duplicate step 1" }).click();
    await page.getByLabel("Instructions").nth(1).fill("Describe it.");
    await page.getByRole("button", { name: "Move step 2 up" }).press("Enter");
    await page.reload();
    expect(await page.getByLabel("Name").inputValue()).toBe("Add a slugify function");
    await page.getByRole("button", { name: "Create the task" }).click();
    await page.waitForURL(/\/tasks\/task_/);
    expect(backend.tasks[0]?.steps.map(({ instructions }) => instructions)).toEqual(["Describe it.", "Write it."]);

    await page.getByLabel("Repository").fill("file:///etc");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.getByText("'file:' addresses are not taken").waitFor();
    expect(await page.getByLabel("Repository").inputValue()).toBe("file:///etc");
    await page.getByLabel("Repository").fill("acme/slugs");
    await page.getByRole("button", { name: "Model, limits and result" }).click();
    await page.getByLabel("Time for the whole run").fill("30");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    expect(backend.launched).toMatchObject([{ repository: "acme/slugs", limits: { timeSeconds: 1800 } }]);

    const [run] = backend.runs;
    if (run === undefined) throw new Error("no run was made");
    await page.getByText("Next in the queue.").waitFor();
    backend.patchRun(run.id, running);
    backend.say(run.id, [...firstPart(run.id), openCall()]);
    await page.getByText(/running npm test -- --watch=false/i).waitFor();
    await page.getByText("Running", { exact: true }).waitFor();
    backend.patchRun(run.id, ended);
    backend.say(run.id, lastPart());
    await page.getByText("Checks failed.", { exact: true }).waitFor();
    await page.getByText("Complete").waitFor();
    await expect.poll(() => page.title()).toBe("✗ Add a slugify function – run");
    expect(stage.offences).toEqual([]);
  });

  test("is deleted only after a question, which Esc answers with no", async () => {
    await using stage = await theatre.open({ path: "/tasks", prepare: (backend) => void task(backend, "Old one") });
    const { page, backend } = stage;
    await page.getByRole("button", { name: "Delete Old one" }).click();
    await page.getByRole("alertdialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").waitFor({ state: "detached" });
    expect(backend.tasks).toHaveLength(1);
    await page.getByRole("button", { name: "Delete Old one" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No tasks yet").waitFor();
    await expect.poll(() => backend.tasks.length).toBe(0);
  });

  test("is launched from the list: the form is shown and ready to type", async () => {
    await using stage = await theatre.open({ path: "/tasks", width: 390, prepare: (backend) => void task(backend) });
    const { page } = stage;
    await page.getByRole("button", { name: "Launch Add a slugify function" }).click();
    await page.getByRole("dialog").getByLabel("Repository").waitFor();
    await page.keyboard.type("acme/typed");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/runs\/run_/);
    expect(stage.backend.launched).toMatchObject([{ repository: "acme/typed" }]);
  });

  test("tells of a change made elsewhere, and loses neither side", async () => {
    await using stage = await theatre.open({ prepare: (backend) => void task(backend) });
    const { page, backend } = stage;
    const id = backend.tasks[0]?.id;
    if (id === undefined) throw new Error("no task");
    await stage.go(`/tasks/${id}`);
    await page.getByLabel("Name").fill("Mine");
    await backend.context.tasks.update({ id, name: "Theirs" });
    await page.reload();
    await page.getByText("This task was saved elsewhere").waitFor();
    expect(await page.getByLabel("Name").inputValue()).toBe("Mine");
    await page.getByRole("button", { name: "Discard changes" }).click();
    await expect.poll(() => page.getByLabel("Name").inputValue()).toBe("Theirs");
  });
});

test("the demo is launched with one click", async () => {
  await using stage = await theatre.open({
    path: "/",
    prepare(backend) {
      const demo = task(backend, "Demo");
      task(backend, "Newer");
      backend.info = { ...backend.info, demo: true, demoRepository: "/var/lib/ccr/demo", demoTaskId: demo.id };
    },
  });
  await stage.page.getByRole("region", { name: "Demo mode" }).getByText("ANTHROPIC_API_KEY").waitFor();
  await stage.page.getByRole("button", { name: "Launch the demo" }).click();
  await stage.page.waitForURL(/\/runs\/run_/);
  expect(stage.backend.launched).toMatchObject([{ repository: "/var/lib/ccr/demo", taskId: stage.backend.tasks.at(-1)?.id }]);
});

describe("a run", () => {
  const withRun = async (patch: Partial<Run>, path = "", width = 1280) => {
    const stage = await theatre.open({ width });
    const run = stage.backend.addRun(task(stage.backend), patch);
    stage.backend.say(run.id, [...firstPart(run.id), openCall(), ...(patch === ended ? lastPart() : [])]);
    await stage.go(`/runs/${run.id}${path}`);
    return { ...stage, run };
  };

  test("shows hostile text as text, folds and unfolds, and nests subagents", async () => {
    await using stage = await withRun(ended, "#m14");
    const { page, backend, run } = stage;
    await page.getByText("Step 1", { exact: true }).last().waitFor();
    await page.getByRole("button", { name: /Subagent/ }).click();
    await page.getByText("Only the README mentions slugs").waitFor();
    await page.getByRole("button", { name: /Jump to latest/ }).click();
    await page.getByText("Checks failed.", { exact: true }).waitFor();
    await stage.go(`/runs/${run.id}#m${seqOf(backend, run.id, "One test fails")}`);
    await page.getByText("<img src=x onerror=alert(1)>").waitFor();
    expect(await page.getByRole("link", { name: "this" }).count()).toBe(0);
    expect(await page.getByRole("link", { name: "MDN" }).getAttribute("rel")).toContain("noopener");
    expect(stage.offences).toEqual([]);
  });

  test("keeps its tab and its place over a reload, and fits a phone", async () => {
    await using stage = await withRun(ended, "", 360);
    const { page, backend, run } = stage;
    backend.setDiff(run.id, {
      baseCommit: "a",
      headCommit: "b",
      files: [{ path: "README.md", oldPath: null, status: "modified", additions: 2, deletions: 0 }],
      patch: samplePatch,
      truncated: false,
    });
    await page.getByRole("link", { name: "Changes", exact: true }).click();
    await page.getByText("A binary file").waitFor();
    await page.reload();
    await page.getByText('`slugify("Crème brûlée")` is').waitFor();
    expect(new URL(page.url()).search).toBe("?tab=changes");
    await page.getByRole("link", { name: "Steps", exact: true }).click();
    await page.getByRole("region", { name: "Steps" }).getByText("exit code 1").first().waitFor();
    for (const path of ["/", "/?launch=task", "/tasks", "/tasks/new", "/runs", "/instances", `/runs/${run.id}`]) {
      await stage.go(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      expect([path, await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)]).toEqual([path, 0]);
    }
  });

  test("has tabs that are links, of which the open one is in sight on a phone", async () => {
    await using stage = await withRun(ended, "?tab=usage", 390);
    const { page } = stage;
    const tabs = page.getByRole("navigation", { name: "What is shown of the run" });
    const open = tabs.locator("[aria-current]");
    await open.getByText("Usage").waitFor();
    expect(await open.count()).toBe(1);
    const isInSight = () =>
      open.evaluate((tab) => {
        const [inner, outer] = [tab.getBoundingClientRect(), tab.parentElement?.getBoundingClientRect()];
        return outer !== undefined && inner.left >= outer.left && inner.right <= outer.right;
      });
    expect(await isInSight()).toBe(true);
    await tabs.getByRole("link", { name: "Raw" }).press("Enter");
    await open.getByText("Raw").waitFor();
    expect(await open.count()).toBe(1);
    expect(await isInSight()).toBe(true);
    expect(new URL(page.url()).search).toBe("?tab=raw");
    await tabs.getByRole("link", { name: "Transcript" }).click();
    await open.getByText("Transcript").waitFor();
    expect(new URL(page.url()).search).toBe("");
    expect(stage.offences).toEqual([]);
  });

  test("shows refused requests, and only them when asked", async () => {
    await using stage = await withRun(running, "?tab=network");
    const { page, backend, run } = stage;
    await page.getByText("No request yet").waitFor();
    backend.addRequests(run.id, [allowedRecord(run.id, 1)]);
    await page.getByText(/^1 request\b/).waitFor();
    await page.getByLabel("Refused only").check();
    await page.getByText("Nothing was refused").waitFor();
    await page.getByRole("button", { name: "Show 1 request" }).click();
    await page.getByRole("row").filter({ hasText: "allowed" }).waitFor();
    backend.addRequests(run.id, [refusedRecord(run.id, 2)]);
    await page.getByText("2 requests").waitFor();
    await page.getByLabel("Refused only").check();
    expect(await page.getByRole("row").filter({ hasText: "refused" }).count()).toBe(1);
    expect(await page.getByRole("row").filter({ hasText: "allowed" }).count()).toBe(0);
  });

  test("is canceled after a question, and says that it is being canceled", async () => {
    await using stage = await withRun(running);
    const { page, backend, run } = stage;
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel the run" }).click();
    await page.getByText("Saving what was done").waitFor();
    expect(backend.canceled).toEqual([run.id]);
  });

  test("heals after a cut, a clean close and errors of the server, without a gap or a double", async () => {
    await using stage = await withRun(running);
    const { page, backend, server, run } = stage;
    const live = page.getByText("Live", { exact: true });
    const note = (text: string) => backend.say(run.id, [{ source: "runner", body: { type: "note", text }, afterMs: 1 }]);
    await live.waitFor();
    note("before the cut");
    await page.getByText("before the cut").waitFor();

    server.setFault(503);
    server.cut();
    await page.getByText("Reconnecting").waitFor();
    note("during the cut");
    await page.getByText("Offline", { exact: true }).waitFor();
    server.setFault(null);
    await page.getByText("during the cut").waitFor();
    await live.waitFor();

    const opened = server.streamsOpened();
    server.endStreams();
    await expect.poll(() => server.streamsOpened()).toBeGreaterThan(opened);
    note("after the close");
    await page.getByText("after the close").waitFor();
    await live.waitFor();

    backend.patchRun(run.id, ended);
    backend.say(run.id, lastPart());
    await page.getByText("Complete").waitFor();
    await page.getByRole("link", { name: "Raw", exact: true }).click();
    await page.getByText(`${backend.messagesOf(run.id).length} messages`).waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("opens thousands of messages at their end, follows, and stops following once scrolled away", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(task(backend), running);
    const notes = (from: number, to: number) =>
      backend.say(
        run.id,
        Array.from({ length: to - from + 1 }, (_, index) => ({
          source: "runner" as const,
          body: { type: "note" as const, text: `note ${from + index}` },
          afterMs: 1,
        })),
      );
    notes(1, 5500);
    await stage.go(`/runs/${run.id}`);
    await page.getByText("note 5500", { exact: true }).waitFor();
    notes(5501, 5600);
    await page.getByText("note 5600", { exact: true }).waitFor();
    expect(await page.getByRole("log").locator("[data-index]").count()).toBeLessThan(80);
    await page.getByRole("log").hover();
    await page.mouse.wheel(0, -3000);
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    notes(5601, 5650);
    await page.getByRole("button", { name: "50 new messages" }).click();
    await page.getByText("note 5650", { exact: true }).waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("is followed on when what was said before takes its place, however high its entries are", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(task(backend), running);
    const notes = (from: number, to: number) =>
      backend.say(
        run.id,
        Array.from({ length: to - from + 1 }, (_, index) => ({
          source: "runner" as const,
          body: { type: "note" as const, text: `note ${from + index} ${"that goes on ".repeat(((from + index) * 7) % 90)}` },
          afterMs: 1,
        })),
      );
    notes(1, 2400);
    await stage.go(`/runs/${run.id}`);
    const log = page.getByRole("log");
    const toEnd = () => log.evaluate(({ scrollHeight, clientHeight, scrollTop }) => scrollHeight - clientHeight - scrollTop);
    await log.waitFor();
    for (let from = 2401; from < 2600; from += 20) {
      notes(from, from + 19);
      await page.getByText(`note ${from + 19} `).waitFor();
      await expect.poll(toEnd).toBeLessThan(2);
    }
    await page.locator("[role=log][data-whole]").waitFor();
    await expect.poll(toEnd).toBeLessThan(2);
    expect(await page.getByRole("button", { name: /Jump to latest|new message/ }).count()).toBe(0);
    expect(stage.offences).toEqual([]);
  });

  test("a diff of forty thousand lines opens, and its file list leads into it", async () => {
    await using stage = await withRun(ended, "");
    const { page, backend, run } = stage;
    const patch = Array.from({ length: 40 }, (_, file) => {
      const lines = Array.from({ length: 1000 }, (_, line) => `+file ${file} line ${line}`).join("\n");
      return `diff --git a/f${file}.txt b/f${file}.txt\nnew file mode 100644\n--- /dev/null\n+++ b/f${file}.txt\n@@ -0,0 +1,1000 @@\n${lines}\n`;
    }).join("");
    const files = Array.from({ length: 40 }, (_, file) => ({
      path: `f${file}.txt`,
      oldPath: null,
      status: "added" as const,
      additions: 1000,
      deletions: 0,
    }));
    backend.setDiff(run.id, { baseCommit: "a", headCommit: "b", files, patch, truncated: false });
    await page.getByRole("link", { name: "Changes", exact: true }).click();
    await page.getByText("file 0 line 0", { exact: true }).waitFor();
    await page.getByRole("navigation", { name: "Changed files" }).getByTitle("f39.txt").click();
    await page.getByText("file 39 line 0", { exact: true }).waitFor();
    expect(stage.offences).toEqual([]);
  });
});

test("a sandbox is removed after a question", async () => {
  await using stage = await theatre.open({
    path: "/instances",
    prepare: (backend) => void backend.instances.push(newInstance(backend.addRun(task(backend), running).id, "executing", "1")),
  });
  const { page } = stage;
  await page.getByRole("button", { name: /Remove inst_/ }).click();
  await page.getByRole("button", { name: "Cancel the run and remove it" }).click();
  await page.getByText("No sandbox is open").waitFor();
  await page.getByRole("link", { name: "Stopped" }).click();
  await page.getByRole("link", { name: "Add a slugify function" }).waitFor();
});

describe("who is not logged in", () => {
  test("is asked for the token, told when it is wrong, and comes back to where they were", async () => {
    await using stage = await theatre.open();
    stage.server.requireLogin();
    await stage.go("/runs?status=failed");
    const { page } = stage;
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("This is not the server's token").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("No run fits this filter").waitFor();
    expect(new URL(page.url()).search).toBe("?status=failed");
  });

  test("an open page of a run asks too, when the session ends", async () => {
    await using stage = await theatre.open();
    const run = stage.backend.addRun(task(stage.backend), running);
    await stage.go(`/runs/${run.id}`);
    await stage.page.getByText("Live", { exact: true }).waitFor();
    stage.server.requireLogin();
    stage.server.cut();
    await stage.page.getByRole("heading", { name: "Log in" }).waitFor();
  });
});

test("what is not there says so: pages, tasks and runs", async () => {
  await using stage = await theatre.open();
  for (const [path, what] of [
    ["/nowhere", "page"],
    ["/runs/run_9999999999", "run"],
    ["/runs/nonsense", "run"],
    ["/tasks/task_9999999999", "task"],
  ]) {
    await stage.go(path ?? "");
    await stage.page.getByText(`There is no such ${what}`).waitFor();
  }
});

test("the theme is chosen, kept over a reload, and the keyboard leads everywhere", async () => {
  await using stage = await theatre.open({ path: "/" });
  const { page } = stage;
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  expect(await scheme()).toBe("light dark");
  await page.getByRole("button", { name: /Change to light/ }).click();
  await page.getByRole("button", { name: /Change to dark/ }).click();
  await page.reload();
  expect(await scheme()).toBe("dark");
  await page.getByRole("heading", { name: "Home" }).waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the page");
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.getByRole("heading", { name: "Tasks" }).waitFor();
  expect(stage.offences).toEqual([]);
});
