import { createGitRepository } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { visit } from "../src/browser.ts";
import { type Outside, startOutside } from "../src/outside.ts";
import { type Stack, startStack } from "../src/stack.ts";

const [WANTED, INSIDE] = ["wanted.outside.test", "inside.outside.test"] as const;
const started = await startOutside([WANTED], [INSIDE]);
if ("why" in started) process.stdout.write(`hosts that are allowed on the page are not tried: ${started.why}\n`);
const outside: Outside | null = "why" in started ? null : started;
afterAll(() => outside?.[Symbol.asyncDispose]());

const url = (host: string) => `http://${host}:${outside?.port}/file`;
const command = `curl -s ${url(INSIDE)}; until curl -sf ${url(WANTED)} -o got.txt; do timeout 0.5 tail -f /dev/null; done`;
const scenario = {
  name: "network-on-the-page",
  rules: [
    {
      turns: [
        { blocks: [{ type: "tool_use", name: "Bash", input: { command, description: "Fetch" } }] },
        { blocks: [{ type: "text", text: "It is here." }] },
      ],
    },
  ],
};

describe.skipIf(outside === null)("what a run may reach, on its page", () => {
  let stack: Stack;
  let browser: Browser;
  beforeAll(async () => {
    const world = outside === null ? {} : { outside };
    [stack, browser] = await Promise.all([startStack({ driver: "bubblewrap", scenario, ...world }), startBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  it.each([1280, 390])("is widened by a click on what was refused, at %d pixels", async (width) => {
    const { client } = stack.server;
    const repository = await createGitRepository({ path: `${stack.repositories}/at-${width}`, files: { "README.md": "# x\n" } });
    const task = await client.tasks.create.mutate({ name: "Fetch", steps: [{ instructions: "Fetch it.", checks: "" }] });
    const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
    await using opened = await visit(browser, stack.server, { width, height: 900 });
    const { page } = opened;
    await page.goto(`${stack.server.url}/runs/${id}?tab=network`);
    const at = (host: string) => `${host}:${outside?.port}`;
    const [wanted, inside] = [at(WANTED), at(INSIDE)];
    await page.getByRole("button", { name: `Allow ${inside}` }).click();
    const button = page.getByRole("button", { name: `Allow ${wanted}` }).first();
    await button.click();
    await page.getByText(`Allowed for this run: ${inside}, ${wanted}`).waitFor();
    await page.getByText("Passed", { exact: true }).first().waitFor();
    await page.getByRole("row").filter({ hasText: "the allow-list has" }).first().waitFor();
    expect(await button.count()).toBe(0);
    await page.reload();
    await page.getByRole("row").filter({ hasText: inside }).getByText("allowed", { exact: true }).first().waitFor();
    await page.goto(`${stack.server.url}/runs/${id}`);
    await page.getByText(`A person allowed this run to reach ${wanted}.`).first().waitFor();
    expect(opened.offences).toEqual([]);
  });
});
