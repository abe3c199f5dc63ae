import { createGitRepository } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import { expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { startStack } from "../src/stack.ts";

const uses = (...tools: [name: string, input: Record<string, unknown>][]) => ({
  blocks: tools.map(([name, input]) => ({ type: "tool_use", name, input })),
});

it("draws what the real Claude Code does, in colours, on the page as the server serves it", async () => {
  await using stack = await startStack({
    driver: "bubblewrap",
    scenario: {
      name: "drawing",
      rules: [
        {
          match: { contains: "Look around for me" },
          turns: [uses(["Read", { file_path: "README.md" }]), { blocks: [{ type: "text", text: "It is a **sample**." }] }],
        },
        {
          match: { contains: "Use every tool" },
          turns: [
            {
              blocks: [
                { type: "thinking", thinking: "First I look." },
                { type: "text", text: "I write it:\n\n```ts\nconst answer: number = 42;\n```" },
                {
                  type: "tool_use",
                  name: "Bash",
                  input: { command: "printf '\\033[38;5;208morange\\033[0m\\n'; exit 3", description: "Print a colour" },
                },
              ],
            },
            uses(["Read", { file_path: "README.md" }]),
            uses(["Write", { file_path: "src/new.ts", content: "export const one = 1; // first\n" }]),
            uses(["Edit", { file_path: "src/new.ts", old_string: "one = 1", new_string: "two = 2" }]),
            uses([
              "Task",
              { description: "Look around", prompt: "Look around for me", subagent_type: "Explore", run_in_background: false },
            ]),
            uses(["Hologram", { beams: 3 }]),
            { blocks: [{ type: "text", text: "All of it is done." }] },
          ],
        },
      ],
    },
  });
  await using repository = await createGitRepository({
    path: `${stack.repositories}/drawing`,
    files: { "README.md": "# Sample\n\nwords\n" },
  });
  await using browser = await startBrowser();
  await using opened = await visit(browser, stack.server, { height: 4000 });
  const { page, offences } = opened;
  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByRole("link", { name: "New task" }).first().click();
  await page.getByLabel("Name").fill("Draw");
  await page.getByLabel("Instructions").fill("Use every tool.");
  await page.getByRole("button", { name: "Create the task" }).click();
  await page.waitForURL(/\/tasks\/task_/);
  await page.getByLabel("Repository").fill(repository.path);
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await page.waitForURL(/\/runs\/run_/);
  await page.getByText("All of it is done.").waitFor();
  const log = page.getByRole("log", { name: "Transcript" });
  const open = async (line: RegExp): Promise<void> => {
    const button = log.getByRole("button", { name: line }).first();
    if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
  };
  await log.getByRole("button", { name: /^Thinking First I look/ }).waitFor();
  await log.getByRole("button", { name: /^Bash printf .* exit 3$/ }).waitFor();
  await log.getByText("orange", { exact: true }).waitFor();
  await open(/^Read README.md/);
  await log.getByText("words", { exact: true }).waitFor();
  await log.locator("span.text-code-comment", { hasText: "// first" }).first().waitFor();
  await log.locator("span.text-code-keyword", { hasText: "const" }).first().waitFor();
  await open(/^Subagent Look around/);
  await log.getByText("What it reported").waitFor();
  await log.getByText("Explore", { exact: false }).first().waitFor();
  await log.getByRole("button", { name: /^Hologram failed$/ }).waitFor();
  await log.getByText("No such tool available: Hologram").waitFor();
  expect(offences).toEqual([]);
});
