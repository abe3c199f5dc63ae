import { type Run, SHELL_SCROLLBACK_BYTES } from "@ccr/protocol";
import { createGitRepository } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { allMessages } from "../src/server.ts";
import { type Stack, startStack } from "../src/stack.ts";

const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Work" } });

const NAMES = ["a b", "ä 日本.txt", "line\nbreak.txt", "100%.md", "\u202Etxt.exe"];
// A picture of one pixel, and a file that is no text.
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const BEGIN = `mkdir -p made && echo made-by-the-agent > made/note.txt; printf 'a\\0b' > src/data.bin; echo ${PIXEL} | base64 -d > src/picture.png`;

let browser: Browser;
let stack: Stack;
let repository: { path: string };
const owned = new AsyncDisposableStack();

beforeAll(async () => {
  browser = await startBrowser();
  owned.defer(() => browser.close());
  stack = owned.use(
    await startStack({
      driver: "bubblewrap",
      scenario: {
        name: "slow",
        rules: [
          {
            turns: [
              {
                blocks: [{ type: "text", text: "I begin." }, bash(BEGIN)],
              },
              // As long as nobody lets it go on; what it waits for is outside of the work.
              { blocks: [bash("for i in $(seq 600); do test -e /tmp/go-on && break; sleep 0.1; done; rm -f /tmp/go-on")] },
              { blocks: [{ type: "text", text: "It is done." }] },
            ],
          },
        ],
      },
    }),
  );
  repository = owned.use(
    await createGitRepository({
      path: `${stack.repositories}/looked-at`,
      files: {
        "README.md": "# Looked at\n\nA repository to look into.\n",
        "src/main.ts": Array.from({ length: 400 }, (_, index) => `export const line${index + 1} = ${index + 1};\n`).join(""),
        "src/evil.svg": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        ...Object.fromEntries(NAMES.map((name) => [`odd/${name}`, `the content of ${JSON.stringify(name)}\n`])),
      },
    }),
  );
});
afterAll(() => owned.disposeAsync());

const launch = async (): Promise<Run["id"]> => {
  const task = await stack.server.client.tasks.create.mutate({
    name: "Work slowly",
    steps: [{ instructions: "Work slowly.", checks: "$ test -s made/note.txt" }],
  });
  return (await stack.server.client.runs.create.mutate({ taskId: task.id, repository: repository.path })).id;
};

const screenOf = (page: Page) => page.locator(".xterm-rows");
const tab = (page: Page, name: string) => page.getByRole("tab", { name, exact: true });

/** Opens the page of a run that is at work, and a shell in it. */
const openShell = async (page: Page, id: Run["id"]): Promise<void> => {
  await page.goto(`${stack.server.url}/runs/${id}?tab=terminal`);
  await page
    .getByText("There is no sandbox yet")
    .or(page.getByRole("button", { name: "Open a shell" }))
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Open a shell" }).click();
  await page.getByText("Shell connected").waitFor();
  await screenOf(page)
    .getByText(/[#$] *$/)
    .first()
    .waitFor();
};

const type = async (page: Page, text: string): Promise<void> => {
  await page.getByRole("textbox", { name: /^Terminal of/ }).focus();
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
};

describe("the terminal and the files of a run", () => {
  it("are there while the agent works, are whole after a reload, and say so when the run has ended", async () => {
    await using opened = await visit(browser, stack.server);
    const { page, offences } = opened;
    const id = await launch();
    await openShell(page, id);
    await page.getByText("I begin.").or(screenOf(page)).first().waitFor();
    await type(page, "pwd; whoami; echo shell-says-$((6*7)); stty size");
    const screen = screenOf(page);
    await screen.getByText("shell-says-42").waitFor();
    await screen.getByText(/^\/workspace$/).waitFor();
    await screen.getByText(/^agent$/).waitFor();
    // The size of the shell is that of the page's terminal, not the one that it began with.
    const sizeOf = async () =>
      (await stack.server.client.shells.list.query({ runId: id })).map(({ cols, rows }) => `${cols}x${rows}`);
    await expect.poll(sizeOf).not.toEqual(["100x30"]);

    await page.reload();
    await screenOf(page).getByText("shell-says-42").waitFor();
    await type(page, "echo after-the-re''load");
    await screenOf(page).getByText("after-the-reload").waitFor();
    expect(await screenOf(page).getByText("shell-says-42").count()).toBe(1);

    // Tab is the shell's, and there is a way out by keyboard.
    const hasFocus = () =>
      page.getByRole("textbox", { name: /^Terminal of/ }).evaluate((input) => input === document.activeElement);
    await page.getByRole("textbox", { name: /^Terminal of/ }).focus();
    await page.keyboard.press("Tab");
    expect(await hasFocus()).toBe(true);
    await page.keyboard.press("Control+.");
    await expect.poll(hasFocus).toBe(false);
    expect(await tab(page, "Shell 1").evaluate((element) => element === document.activeElement)).toBe(true);

    // What a shell's output could do to a page: no link, no title, no clipboard.
    await type(
      page,
      "printf '\\033]8;;https://evil.test/\\033\\\\a-link\\033]8;;\\033\\\\ \\033]0;evil-title\\007\\033]52;c;ZXZpbA==\\007end-of-ev''il\\n'",
    );
    await screenOf(page).getByText("a-link end-of-evil").waitFor();
    expect(await page.title()).not.toContain("evil-title");

    // A shell that ends says how, and another one can be opened beside it.
    await page.getByRole("button", { name: "New shell" }).click();
    await tab(page, "Shell 2").waitFor();
    await screenOf(page)
      .getByText(/[#$] *$/)
      .first()
      .waitFor();
    await type(page, "exit 3");
    await tab(page, "Shell 2 · ended with exit code 3").waitFor();
    await tab(page, "Shell 1").click();
    await screenOf(page).getByText("after-the-reload").waitFor();

    // The files, in the sandbox, with what the agent and the shell have made.
    await type(page, "echo from-the-shell > by-hand.txt; ln -s /etc/passwd secrets; echo it-is-wri''tten");
    await screenOf(page).getByText("it-is-written").waitFor();
    await page.getByRole("link", { name: "Files", exact: true }).click();
    await page.getByText("In the sandbox, as it was at").waitFor();
    const item = (name: string | RegExp) => page.getByRole("treeitem", { name });
    await item(/^by-hand\.txt/).click();
    await page.getByRole("region", { name: "Content of by-hand.txt" }).getByText("from-the-shell").waitFor();
    await item(/^secrets/).click();
    await page.getByText("It leads to /etc/passwd, which is not in the workspace").waitFor();
    await item(/^src/).click();
    await item(/^main\.ts/).click();
    await page.getByText("400 lines").waitFor();
    await page.reload();
    await page.getByText("export const line1 = 1;").waitFor();
    await page.getByRole("region", { name: "Content of main.ts" }).locator(".text-code-keyword").first().waitFor();
    await item(/^picture\.png/).click();
    await expect
      .poll(() =>
        page
          .getByRole("img", { name: "picture.png" })
          .evaluate((image) => image instanceof HTMLImageElement && image.naturalWidth),
      )
      .toBe(1);
    await item(/^data\.bin/).click();
    await page.getByText("This file is not text").waitFor();
    await item(/^evil\.svg/).click();
    await page.getByText("onload='alert(1)'").waitFor();
    await item(/^odd/).click();
    for (const [shown, content] of [
      ["a b", "a b"],
      ["ä 日本.txt", "ä 日本.txt"],
      ["line%0Abreak.txt", "line\\nbreak.txt"],
      ["100%.md", "100%.md"],
      ["%E2%80%AEtxt.exe", "txt.exe"],
    ] as const) {
      await page.getByRole("treeitem").filter({ hasText: shown }).click();
      await page
        .getByRole("region", { name: `Content of ${shown}`, exact: true })
        .getByText(content)
        .waitFor();
    }

    // By some letters of their paths; the key leads to the field.
    const field = page.getByRole("combobox", { name: "Go to file" });
    const fits = page.getByRole("listbox", { name: "Files that fit" });
    await page.getByRole("region", { name: /^Content of/ }).focus();
    await page.keyboard.press("/");
    await page.keyboard.type("srcmain");
    await fits.getByRole("option", { name: "main.ts src" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("export const line1 = 1;").waitFor();
    await item(/^main\.ts/).waitFor();
    expect(await item(/^main\.ts/).getAttribute("aria-selected")).toBe("true");
    await field.fill("odd %");
    await fits.getByRole("option").first().waitFor();
    expect(await fits.getByRole("option").allTextContents()).toContain("100%.mdodd");
    await field.fill("by-hand");
    await fits.getByRole("option", { name: "by-hand.txt" }).click();
    await page.getByRole("region", { name: "Content of by-hand.txt" }).getByText("from-the-shell").waitFor();
    await field.fill("no such file");
    await page.getByText("No file fits this. Files that git ignores are not among those searched.").waitFor();
    await field.press("Escape");
    await item(/^README\.md/).waitFor();

    // The run ends while the shell is open.
    await page.getByRole("link", { name: "Terminal", exact: true }).click();
    await page.getByText("Shell connected").waitFor();
    await type(page, "touch /tmp/go-on");
    await page.getByText("The run has ended, and its shells with it.").waitFor({ timeout: 90_000 });
    await screenOf(page).getByText("This shell has ended with its sandbox").waitFor();
    await stack.server.untilFinal(id);
    await page.reload();
    await page.getByText("The run has ended, and its sandbox with it").waitFor();

    // The files, as they are kept.
    await page.getByRole("link", { name: "Files", exact: true }).click();
    await page.getByText("What is kept of the work").waitFor();
    await item(/^made/).click();
    await item(/^note\.txt/).click();
    await page.getByText("made-by-the-agent").waitFor();
    await item(/^by-hand\.txt/).click();
    await page.getByText("from-the-shell").waitFor();
    await field.fill("main");
    await fits.getByRole("option", { name: "main.ts src" }).click();
    await page.getByText("export const line1 = 1;").waitFor();
    await item(/^by-hand\.txt/).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
    expect(download.suggestedFilename()).toBe("by-hand.txt");

    const notes = (await allMessages(stack.server.client, id)).flatMap(({ source, body }) =>
      source === "runner" && body.type === "note" ? [body.text] : [],
    );
    expect(notes).toEqual(["A person opened a shell in the sandbox."]);
    expect(offences).toEqual([]);
  });

  it("heal when the connection is lost, and nothing that was typed or printed is lost or doubled", async () => {
    await using opened = await visit(browser, stack.server, { width: 390, height: 844 });
    const { page, offences } = opened;
    const id = await launch();
    await openShell(page, id);
    await type(page, "stty -echo");
    await page.context().setOffline(true);
    // A stream that is open stays so; this is what a page hears when its network changes.
    await page.evaluate(() => void dispatchEvent(new Event("online")));
    await page.getByText("Reconnecting. What is typed now").waitFor();
    await page.getByRole("textbox", { name: /^Terminal of/ }).focus();
    await page.keyboard.type("echo typed-while-off''line\n");
    await page.context().setOffline(false);
    await screenOf(page).getByText("typed-while-offline").waitFor();
    expect(await screenOf(page).getByText("typed-while-offline").count()).toBe(1);
    await type(page, `head -c ${2 * SHELL_SCROLLBACK_BYTES} /dev/zero | tr '\\0' x; clear; echo much-was-prin''ted`);
    await screenOf(page).getByText("much-was-printed").waitFor();
    await page.reload();
    await screenOf(page).getByText("much-was-printed").waitFor();
    await type(page, "touch /tmp/go-on");
    await stack.server.untilFinal(id);
    expect(offences).toEqual([]);
  });
});
