import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createGitRepository, pinnedNode, temporaryFolder, waitFor } from "@ccr/testkit";
import { expect, test } from "vitest";
import { demoRepositoryFolder, demoTask, loadDemoScenario } from "./demo.ts";
import { runClaude } from "./run-claude.ts";
import { startScriptedModel } from "./server.ts";

const run = promisify(execFile);

const readFiles = async (): Promise<Record<string, string>> => {
  const entries = await readdir(demoRepositoryFolder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return Object.fromEntries(files.map((file, index) => [file.slice(demoRepositoryFolder.length + 1), contents[index] ?? ""]));
};

// A sandbox has the pinned Node and git's identity; here they come from the environment.
const environment = (home: string): Record<string, string> => ({
  PATH: `${dirname(pinnedNode)}:${process.env.PATH}`,
  HOME: home,
  GIT_CONFIG_COUNT: "2",
  GIT_CONFIG_KEY_0: "user.name",
  GIT_CONFIG_VALUE_0: "Demo",
  GIT_CONFIG_KEY_1: "user.email",
  GIT_CONFIG_VALUE_1: "demo@example.test",
});

const check = async (workspace: string, step: { checks: string }): Promise<string[]> => {
  const failed: string[] = [];
  for (const line of step.checks.split("\n")) {
    const command = line.replace(/^\$ /, "");
    await run("bash", ["-c", command], { cwd: workspace, env: environment(workspace) }).catch(() => failed.push(command));
  }
  return failed;
};

const todoTools = [
  ["no todo tool", {}, null],
  ["TodoWrite", { CLAUDE_CODE_ENABLE_TODO_TOOLS: "1", CLAUDE_CODE_ENABLE_TASKS: "0" }, "TodoWrite"],
  ["TaskCreate", { CLAUDE_CODE_ENABLE_TODO_TOOLS: "1" }, "TaskUpdate"],
] as const;

test.each(todoTools)("the demo task is worked on for real, with %s", async (_, env, tool) => {
  await using folder = await temporaryFolder();
  await using repository = await createGitRepository({ path: folder.join("workspace"), files: await readFiles() });
  await using model = await startScriptedModel({ scenario: await loadDemoScenario() });
  const failedBefore = await Promise.all(demoTask.steps.map((step) => check(repository.path, step)));
  expect(failedBefore.map((failed) => failed.length)).toEqual([1, 1]);

  const said = await runClaude({
    folder: folder.path,
    workspace: repository.path,
    modelUrl: model.url,
    prompts: demoTask.steps.map((step) => step.instructions),
    env: { ...environment(folder.join("home")), ...env },
  });
  const results = said.filter((message) => message.type === "result");
  expect(results.map(({ subtype }) => subtype)).toEqual(["success", "success"]);
  // The time in which it only waits for the model, of both turns: the pace of the story, whatever else this machine does.
  expect(results.at(-1)?.duration_api_ms).toBeLessThan(13_000);
  for (const step of demoTask.steps) expect(await check(repository.path, step)).toEqual([]);
  expect(await repository.git("log", "--format=%s")).toBe("Document the monthly summary\nAdd a monthly summary\nBegin");
  expect(await readFile(join(repository.path, "README.md"), "utf8")).toContain(
    "2026-01  in   2,400.00  spent   1,023.70  left   1,376.30",
  );

  // What went wrong on the way is what the story tells: a failing test, and a page behind the firewall.
  const failures = said.flatMap((message) => (message.type === "user" ? errorsIn(message.message.content) : []));
  expect(failures).toHaveLength(2);
  expect(failures[0]).toContain("13905");
  expect(failures[1]).toContain("curl");
  expect(JSON.stringify(said)).not.toContain("No such tool");
  if (tool !== null) expect(JSON.stringify(said)).toContain(`"name":"${tool}"`);
  await waitFor(() => model.requests.every((request) => request.end === "finished"));
  expect(model.requests.filter(({ rule }) => rule === null)).toEqual([]);
});

const errorsIn = (content: string | readonly object[]): string[] =>
  typeof content === "string"
    ? []
    : content.flatMap((block) => ("is_error" in block && block.is_error === true ? [JSON.stringify(block)] : []));

test("the demo ends another task with an error that says what it is, and never with a success", async () => {
  await using folder = await temporaryFolder();
  await using model = await startScriptedModel({ scenario: await loadDemoScenario() });
  const options = { folder: folder.path, workspace: folder.path, modelUrl: model.url, prompts: ["Write a poem."] };
  await expect(runClaude(options)).rejects.toThrow("This is the demo");
});
