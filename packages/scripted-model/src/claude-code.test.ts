import { readFile } from "node:fs/promises";
import { leakWatch, temporaryFolder, waitFor } from "@ccr/testkit";
import { expect, test } from "vitest";
import { runClaude } from "./run-claude.ts";
import { parseScenario } from "./scenario.ts";
import { startScriptedModel } from "./server.ts";

const scenario = parseScenario({
  name: "two tools",
  rules: [
    {
      name: "write",
      match: { matches: "write (\\w+) to (\\S+)" },
      turns: [
        {
          faults: [{ error: { status: 429, retryAfterSeconds: 0 }, times: 2 }, { cut: "headers" }],
          blocks: [
            { type: "thinking", thinking: "First a command." },
            { type: "text", text: "Schön 🙂, a command:" },
            { type: "tool_use", name: "Bash", input: { command: "echo '{{match.1}}' | tr a-z A-Z" } },
          ],
        },
        {
          choose: [
            {
              when: { toolResultContains: "HELLO" },
              blocks: [
                { type: "tool_use", name: "Write", input: { file_path: "{{cwd}}/{{match.2}}", content: "{{lastToolResult}}\n" } },
              ],
            },
            { blocks: [{ type: "text", text: "unexpected: {{lastToolResult}}" }] },
          ],
        },
        { blocks: [{ type: "text", text: "Done." }] },
      ],
    },
  ],
});

test("the real Claude Code runs a command and writes a file, through rate limits and a cut connection", async () => {
  const leaks = await leakWatch();
  {
    await using folder = await temporaryFolder();
    await using model = await startScriptedModel({ scenario });
    const said = await runClaude({
      folder: folder.path,
      workspace: folder.path,
      modelUrl: model.url,
      prompts: ["Please write hello to greeting.txt"],
    });
    expect(await readFile(folder.join("greeting.txt"), "utf8")).toBe("HELLO\n");
    const result = said.find((message) => message.type === "result");
    expect(result).toMatchObject({ subtype: "success", result: "Done.", num_turns: 3 });
    expect(JSON.stringify(said)).toContain("Schön 🙂, a command:");
    await waitFor(() => model.requests.every((request) => request.end !== "open"));
    expect(model.requests.map(({ rule, turn, status }) => [rule, turn, status])).toEqual([
      ["write", 0, 429],
      ["write", 0, 429],
      ["write", 0, 200],
      ["write", 0, 200],
      ["write", 1, 200],
      ["write", 2, 200],
    ]);
    expect(model.requests.map(({ end }) => end)).toEqual(["finished", "finished", "cut", "finished", "finished", "finished"]);
    expect(model.requests[0]?.headers["x-api-key"]).toBe("sk-test");
  }
  await leaks.assertNothingLeft();
});
