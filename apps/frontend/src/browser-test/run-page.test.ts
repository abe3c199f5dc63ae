import type { Run, RunId } from "@ccr/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MemoryBackend } from "./memory-backend.ts";
import { seqOf } from "./said.ts";
import { allowedRecord, firstPart, lastPart, openCall, refusedRecord, samplePatch } from "./sample-run.ts";
import { ENDED, RUNNING, sampleTask } from "./sample-task.ts";
import { openTheatre, type Theatre } from "./stage.ts";

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre[Symbol.asyncDispose]());

const notes = (backend: MemoryBackend, id: RunId, from: number, to: number, more: (n: number) => string = () => "") =>
  backend.say(
    id,
    Array.from({ length: to - from + 1 }, (_, index) => ({
      source: "runner" as const,
      body: { type: "note" as const, text: `note ${from + index}${more(from + index)}` },
      afterMs: 1,
    })),
  );

describe("a run", () => {
  const withRun = async (patch: Partial<Run>, path = "", width = 1280) => {
    const stage = await theatre.open({ width });
    const run = stage.backend.addRun(sampleTask(stage.backend), patch);
    stage.backend.say(run.id, [...firstPart(run.id), openCall(), ...(patch === ENDED ? lastPart() : [])]);
    await stage.go(`/runs/${run.id}${path}`);
    return { ...stage, run };
  };

  test("shows hostile text as text, folds and unfolds, and nests subagents", async () => {
    await using stage = await withRun(ENDED, "#m14");
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
    await using stage = await withRun(ENDED, "", 360);
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
    await using stage = await withRun(ENDED, "?tab=usage", 390);
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
    await using stage = await withRun(RUNNING, "?tab=network");
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
    await using stage = await withRun(RUNNING);
    const { page, backend, run } = stage;
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel the run" }).click();
    await page.getByText("Saving what was done").waitFor();
    expect(backend.canceled).toEqual([run.id]);
  });

  test("heals after a cut, a clean close and errors of the server, without a gap or a double", async () => {
    await using stage = await withRun(RUNNING);
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

    backend.patchRun(run.id, ENDED);
    backend.say(run.id, lastPart());
    await page.getByText("Complete").waitFor();
    await page.getByRole("link", { name: "Raw", exact: true }).click();
    await page.getByText(`${backend.messagesOf(run.id).length} messages`).waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("opens thousands of messages at their end, follows, and stops following once scrolled away", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(sampleTask(backend), RUNNING);
    const say = (from: number, to: number) => notes(backend, run.id, from, to);
    say(1, 5500);
    await stage.go(`/runs/${run.id}`);
    await page.getByText("note 5500", { exact: true }).waitFor();
    say(5501, 5600);
    await page.getByText("note 5600", { exact: true }).waitFor();
    expect(await page.getByRole("log").locator("[data-index]").count()).toBeLessThan(80);
    await page.getByRole("log").hover();
    await page.mouse.wheel(0, -3000);
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    say(5601, 5650);
    await page.getByRole("button", { name: "50 new messages" }).click();
    await page.getByText("note 5650", { exact: true }).waitFor();
    expect(stage.offences).toEqual([]);
  });

  test("is followed on when what was said before takes its place, however high its entries are", async () => {
    await using stage = await theatre.open();
    const { page, backend } = stage;
    const run = backend.addRun(sampleTask(backend), RUNNING);
    const more = (n: number) => ` ${"that goes on ".repeat((n * 7) % 90)}`;
    const say = (from: number, to: number) => notes(backend, run.id, from, to, more);
    say(1, 2400);
    await stage.go(`/runs/${run.id}`);
    const log = page.getByRole("log");
    const toEnd = () => log.evaluate(({ scrollHeight, clientHeight, scrollTop }) => scrollHeight - clientHeight - scrollTop);
    await log.waitFor();
    for (let from = 2401; from < 2600; from += 20) {
      say(from, from + 19);
      await page.getByText(`note ${from + 19} `).waitFor();
      await expect.poll(toEnd).toBeLessThan(2);
    }
    await page.locator("[role=log][data-whole]").waitFor();
    await expect.poll(toEnd).toBeLessThan(2);
    expect(await page.getByRole("button", { name: /Jump to latest|new message/ }).count()).toBe(0);
    expect(stage.offences).toEqual([]);
  });

  test("a diff of forty thousand lines opens, and its file list leads into it", async () => {
    await using stage = await withRun(ENDED, "");
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
