import { readFile } from "node:fs/promises";
import { Message } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { allMessages, type Server } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";
import { startWire, type Wire } from "../src/wire.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });
const text = (said: string) => ({ type: "text", text: said });
const TICKS = 60;
const HOSTILE = "<script>window.hit = 1</script><img src=x onerror=window.hit=1>";

/** One run that goes on for long enough to be disturbed, and one that has ended, with everything that one looks for. */
const scenario = {
  name: "transcript",
  rules: [
    {
      match: { contains: "Tick for a while" },
      turns: [{ blocks: [bash("echo tick; sleep 0.4")], repeat: TICKS }, { blocks: [text("The ticking is over.")] }],
    },
    {
      match: { contains: "Say many things" },
      turns: [
        { blocks: [text("I begin with a needle."), bash("seq -f 'line-%g of many' 1 300")] },
        { blocks: [text(`A second **needle** and ${HOSTILE}`), bash("echo first trouble >&2; exit 3")] },
        { blocks: [text("Between the troubles."), bash("echo all is well")], repeat: 25 },
        { blocks: [text("Near the end."), bash("echo second trouble >&2; exit 4")] },
        { blocks: [text("The last NEEDLE: all is said.")] },
      ],
    },
  ],
};

let browser: Browser;
let stack: Stack;
let server: Server;
let wire: Wire;
let repository: string;

const launch = async (instructions: string): Promise<string> => {
  const task = await server.client.tasks.create.mutate({
    name: instructions,
    steps: [{ instructions, checks: "$ true" }],
    allowNoChanges: true,
  });
  const { id } = await server.client.runs.create.mutate({ taskId: task.id, repository });
  return id;
};

let ended = "";
beforeAll(async () => {
  browser = await startBrowser();
  stack = await startStack({ driver: "bubblewrap", scenario });
  server = stack.server;
  wire = await startWire(server.url);
  repository = (await createGitRepository({ path: `${stack.repositories}/a`, files: { "README.md": "# x\n" } })).path;
  stack.model.setScenario(parseScenario(scenario));
  ended = await launch("Say many things.");
  await waitFor(async () => (await run(ended)).status === "succeeded", { what: "the run that says much", timeoutMs: 90_000 });
});
afterAll(async () => {
  await browser.close();
  await wire[Symbol.asyncDispose]();
  if (server !== stack.server) await server[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
});

const run = (id: string) => server.client.runs.byId.query({ id });
const open = async (path: string, size: { width?: number; height?: number } = {}) => {
  const opened = await visit(
    browser,
    { ...server, url: wire.url, loginLink: server.loginLink.replace(server.url, wire.url) },
    size,
  );
  await opened.page.goto(`${wire.url}${path}`);
  return opened;
};
const logOf = (page: Page) => page.getByRole("log", { name: "Transcript" });
/** Every row of the transcript, by its key, from the first to the last as one scrolls through it. */
const allRows = async (page: Page): Promise<{ keys: string[]; ticks: number }> => {
  const log = logOf(page);
  const rows = new Map<string, string>();
  const order: string[] = [];
  for (let top = 0; ; top += 400) {
    await log.evaluate((element, place) => {
      element.scrollTop = place;
    }, top);
    await page.waitForTimeout(60);
    const seen = await log.evaluate((element) => ({
      rows: [...element.querySelectorAll<HTMLElement>("[data-key]")].map((row): [string, string] => [
        row.dataset.key ?? "",
        row.textContent ?? "",
      ]),
      isEnd: element.scrollTop + element.clientHeight >= element.scrollHeight - 2,
    }));
    for (const [key, said] of seen.rows) {
      if (!rows.has(key)) order.push(key);
      rows.set(key, said);
    }
    if (seen.isEnd) break;
  }
  return { keys: order, ticks: [...rows.values()].filter((said) => said.includes("echo tick; sleep 0.4")).length };
};

describe("a run that goes on", () => {
  it("is shown whole whatever becomes of the connection: server killed, stream closed, tab asleep", async () => {
    const id = await launch("Tick for a while.");
    await using opened = await open(`/runs/${id}`);
    const { page, offences } = opened;
    const live = page.getByText("Live", { exact: true });
    const lastSeq = async () => Number(await logOf(page).getAttribute("data-last-seq"));
    const grows = async (what: string): Promise<void> => {
      const before = await lastSeq();
      await waitFor(async () => (await lastSeq()) > before + 4, { what: `messages ${what}` });
      await live.waitFor();
    };
    await page.getByText(/running echo tick; sleep 0.4/i).waitFor();
    await grows("at first");

    server.process.kill("SIGKILL");
    await waitFor(() => server.process.signalCode !== null, { what: "the server to be gone" });
    await page.getByText("The server cannot be reached").waitFor();
    server = await stack.restart();
    wire.connect(server.url);
    await grows("after the server was killed");
    expect(await page.getByText("The server cannot be reached").count()).toBe(0);

    wire.closeStreams();
    await grows("after the stream was closed");

    const session = await page.context().newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    wire.silenceStreams();
    const asleepAt = (await run(id)).lastSeq;
    await waitFor(async () => (await run(id)).lastSeq > asleepAt + 6, {
      what: "messages while the tab slept",
    });
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await waitFor(async () => (await lastSeq()) > asleepAt + 6, { what: "what was said meanwhile" });

    await page.getByText("The ticking is over.").waitFor({ timeout: 120_000 });
    await page.getByText("Complete", { exact: true }).waitFor();
    const messages = await allMessages(server.client, (await run(id)).id);
    expect(await lastSeq()).toBe(messages.at(-1)?.seq);
    const { keys, ticks } = await allRows(page);
    const seqs = keys.map(Number);
    expect(new Set(keys).size).toBe(keys.length);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(ticks).toBe(TICKS);
    expect(await page.locator(".animate-spin").count()).toBe(0);
    await expect.poll(() => page.title()).toMatch(/^✓/);
    expect(offences).toEqual([]);
  });

  it("is followed at its end, and stands still once one has gone away from it", async () => {
    const id = await launch("Tick for a while.");
    await using opened = await open(`/runs/${id}`, { height: 600 });
    const { page, offences } = opened;
    const log = logOf(page);
    const toEnd = () => log.evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop);
    const rowCount = () => log.evaluate((element) => Number(element.getAttribute("data-last-seq")));
    await waitFor(async () => (await rowCount()) > 40, { what: "some messages" });
    expect(await toEnd()).toBeLessThan(2);

    await log.hover();
    await page.mouse.wheel(0, -700);
    await page.getByRole("button", { name: /Jump to latest|new message/ }).waitFor();
    const first = () =>
      log.evaluate((element) => {
        const { top } = element.getBoundingClientRect();
        const row = [...element.querySelectorAll<HTMLElement>("[data-key]")].find(
          (each) => each.getBoundingClientRect().bottom > top + 1,
        );
        return [row?.dataset.key, Math.round((row?.getBoundingClientRect().top ?? 0) - top)];
      });
    await page.waitForTimeout(400);
    const place = await first();
    await page.getByRole("button", { name: /\d+ new messages/ }).waitFor();
    const before = await rowCount();
    await waitFor(async () => (await rowCount()) > before + 6, { what: "more messages" });
    expect(await first()).toEqual(place);
    await page.setViewportSize({ width: 900, height: 500 });
    await page.waitForTimeout(300);
    expect((await first())[0]).toBe(place[0]);

    await page.getByRole("button", { name: /new messages/ }).click();
    await waitFor(async () => (await toEnd()) < 2, { what: "the end" });
    const later = await rowCount();
    await waitFor(async () => (await rowCount()) > later + 4, { what: "more messages" });
    expect(await toEnd()).toBeLessThan(2);
    await server.client.runs.cancel.mutate({ id: (await run(id)).id });
    await page.getByText("Canceled", { exact: true }).first().waitFor();
    await waitFor(async () => (await page.locator(".animate-spin").count()) === 0, { what: "nothing to turn any more" });
    expect(offences).toEqual([]);
  });
});

describe("a run that has ended", () => {
  it("is searched, also in what is folded, from one match to the next", async () => {
    await using opened = await open(`/runs/${ended}`);
    const { page, offences } = opened;
    await page.getByText("The last NEEDLE").waitFor();
    await page.keyboard.press("Control+f");
    const field = page.getByRole("searchbox", { name: "Find in the transcript" });
    await field.fill("needle");
    await page.getByText("3 of 3", { exact: true }).waitFor();
    const marks = () => page.evaluate(() => [...CSS.highlights].map(([name, marked]) => [name, marked.size]));
    await expect.poll(marks).toContainEqual(["transcript-current", 1]);
    await field.press("Enter");
    await page.getByText("1 of 3", { exact: true }).waitFor();
    await page.getByText("I begin with a needle.").waitFor();
    await page.getByRole("button", { name: "Previous match" }).click();
    await page.getByText("3 of 3", { exact: true }).waitFor();

    // It is far below what is shown of the output before it is looked for.
    await field.fill("line-237 OF");
    await page.getByText("1 of 1", { exact: true }).waitFor();
    await expect.poll(marks).toContainEqual(["transcript-current", 1]);
    const isSeen = () =>
      page.evaluate(() => {
        const [range] = CSS.highlights.get("transcript-current") ?? [];
        const log = document.querySelector("[role=log]")?.getBoundingClientRect();
        if (!(range instanceof Range) || log === undefined) return false;
        const { top, bottom } = range.getBoundingClientRect();
        return top >= log.top && bottom <= log.bottom;
      });
    await expect.poll(isSeen).toBe(true);
    await field.fill("nowhere to be found");
    await page.getByText("Not found", { exact: true }).waitFor();
    await field.press("Escape");
    await field.waitFor({ state: "detached" });
    expect(await marks()).toEqual([]);
    expect(offences).toEqual([]);
  });

  it("leads from error to error by button and key, and shows only what one asks for", async () => {
    await using opened = await open(`/runs/${ended}`);
    const { page, offences } = opened;
    await page.getByText("The last NEEDLE").waitFor();
    await page.getByRole("group", { name: "Errors" }).getByText("2").waitFor();
    await page.getByRole("button", { name: "Previous error" }).click();
    // What is led to is marked: its words alone may have been in sight before.
    await logOf(page)
      .locator("[data-current]")
      .getByText(/^(Exit code \d\s)?second trouble$/)
      .first()
      .waitFor();
    await logOf(page).focus();
    await page.keyboard.press("p");
    await logOf(page)
      .locator("[data-current]")
      .getByText(/^(Exit code \d\s)?first trouble$/)
      .first()
      .waitFor();
    await page.keyboard.press("n");
    // What is led to is marked: its words alone may have been in sight before.
    await logOf(page)
      .locator("[data-current]")
      .getByText(/^(Exit code \d\s)?second trouble$/)
      .first()
      .waitFor();
    await page.getByText("Errors", { exact: true }).click();
    await expect.poll(() => logOf(page).locator("[data-key]").count()).toBe(2);
    await page.getByText("Said", { exact: true }).click();
    await page.getByText("The last NEEDLE").waitFor();
    expect(await page.getByText("all is well", { exact: true }).count()).toBe(0);
    expect(offences).toEqual([]);
  });

  it("has a link to every entry, its messages, and one's place after a reload", async () => {
    await using opened = await open(`/runs/${ended}`);
    const { page, offences } = opened;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByText("The last NEEDLE").waitFor();
    const log = logOf(page);
    await log.evaluate((element) => {
      element.scrollTop = 0;
    });
    await page.getByText("I begin with a needle.").hover();
    // Rows that have just passed under the pointer are not pointed at.
    await page.waitForTimeout(300);
    await page.getByText("I begin with a needle.").hover({ position: { x: 3, y: 5 } });
    await page.getByRole("button", { name: "Show the messages of this entry" }).click();
    await page.getByRole("dialog").getByText('"text": "I begin with a needle."').waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("I begin with a needle.").hover();
    await page.getByRole("button", { name: "Copy a link to this entry" }).click();
    await page.getByText("The link is copied.", { exact: true }).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByText("I begin with a needle.").waitFor();
    expect(new URL(page.url()).hash).toMatch(/^#m\d+$/);

    // What one has scrolled to since comes before what the address names.
    await log.hover();
    await page.mouse.wheel(0, 1500);
    await page.waitForTimeout(500);
    const top = () =>
      log.evaluate((element) => {
        const edge = element.getBoundingClientRect().top;
        const row = [...element.querySelectorAll<HTMLElement>("[data-key]")].find(
          (each) => each.getBoundingClientRect().bottom > edge + 1,
        );
        return row?.dataset.key;
      });
    const place = await top();
    await page.reload();
    await log.waitFor();
    await expect.poll(top).toBe(place);
    expect(offences).toEqual([]);
  });

  it("is downloaded as Markdown, as JSON lines and as a page that does nothing", async () => {
    await using opened = await open(`/runs/${ended}`);
    const { page, offences } = opened;
    const download = async (name: string): Promise<{ name: string; path: string }> => {
      await page.getByRole("button", { name: "More for this transcript" }).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name }).click()]);
      return { name: file.suggestedFilename(), path: await file.path() };
    };
    const markdown = await download("Markdown");
    expect(markdown.name).toBe(`${ended}-transcript.md`);
    expect(await readFile(markdown.path, "utf8")).toContain("> I begin with a needle.");
    const lines = await download("JSON lines");
    const stored = (await readFile(lines.path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => Message.parse(JSON.parse(line)));
    expect(stored).toEqual(await allMessages(server.client, (await run(ended)).id));
    const html = await download("Web page");
    const alone = await page.context().newPage();
    const asked: string[] = [];
    alone.on("request", (request) => asked.push(request.url()));
    await alone.setContent(await readFile(html.path, "utf8"));
    expect(await alone.getByText("window.hit = 1").count()).toBeGreaterThan(0);
    expect(await alone.evaluate(() => ("hit" in window ? "hit" : document.scripts.length))).toBe(0);
    expect(await alone.locator("img").count()).toBe(0);
    expect(asked).toEqual([]);
    expect(offences).toEqual([]);
  });
});
