import { mkdir } from "node:fs/promises";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, waitFor } from "@ccr/testkit";
import type { Browser } from "playwright-core";
import { startServer } from "../src/server.ts";
import { DATA_DIR, take, text } from "./take.ts";

const option = (label: string, description: string) => ({ label, description });
const QUESTIONS = {
  questions: [
    {
      question: "Which library should format the dates?",
      header: "Library",
      multiSelect: false,
      options: [
        option("date-fns", "Small functions, one per need; tree-shakes well."),
        option("Luxon", "Time zones and locales come along; larger."),
      ],
    },
  ],
};
const bash = (command: string) => ({ type: "tool_use", name: "Bash", input: { command, description: "Look around" } });

const say = (text: string) => ({ type: "text", text });
const tool = (name: string, input: Record<string, unknown>) => ({ type: "tool_use", name, input });

const PLAN = `# Move the parser into its own package

1. Make \`packages/parser\` with a \`package.json\` of its own, and move \`src/parser\` there with its tests.
2. Let \`src/report.js\` import it by its name, and nothing else of it than \`parse\`.
3. Run the tests of both, and say in the README what the package is for.

Nothing changes for whoever calls \`report\`; the order of the columns stays.`;

/** Two tasks of another server, one of a name that is there already. */
const FILE = {
  format: "claude-code-runner/tasks",
  version: 1,
  tasks: [
    { name: "Add a licence", steps: [{ instructions: "Add the Apache licence.", checks: "$ test -s LICENSE" }] },
    {
      name: "Bring dependencies up to date",
      steps: [
        { instructions: "Update what has a newer version.", checks: "$ npm test" },
        { instructions: "Say in CHANGELOG.md what changed.", checks: "" },
      ],
    },
  ],
};

/** It is written so slowly that it is not yet whole in the last picture. */
const DRAFT = [
  "The amounts are read in two places, and each rounds in its own way.",
  "`src/report.js` rounds when it prints, which is right; `src/import.js` rounds each line before it is added up.",
  "Over a year that makes a difference of several cents, which is what the issue is about.",
  "I take the rounding out of the import, keep whole cents everywhere, and round in the report alone.",
  "A test adds up a hundred lines of a third of a cent each, which fails before and passes after.",
  "I also look for other places that multiply amounts, since those would have the same trouble.",
].join(" ");

const scenario = parseScenario({
  name: "screens",
  rules: [
    {
      match: { contains: "dates" },
      turns: [
        { blocks: [say("The dates are put together by hand in three places."), bash("grep -rn getMonth src | head")] },
        { blocks: [say("Before I replace that, I need to know one thing."), tool("AskUserQuestion", QUESTIONS)] },
      ],
    },
    {
      match: { contains: "licence" },
      turns: [
        { blocks: [say("There is none yet."), bash("echo 'MIT License' > LICENSE")] },
        { blocks: [say("The licence is there.")] },
      ],
    },
    {
      match: { contains: "coverage" },
      turns: [{ blocks: [say("I could not find out how coverage is measured here.")] }],
    },
    {
      match: { contains: "package of its own" },
      turns: [
        // Claude Code keeps its plan in a file, and asks without it.
        { blocks: [tool("Write", { file_path: "/home/agent/.claude/plans/parser.md", content: PLAN })] },
        { blocks: [say("I look at what depends on the parser first."), tool("EnterPlanMode", {})] },
        { blocks: [tool("Read", { file_path: "/workspace/src/report.js" })] },
        { blocks: [say("Now I know enough."), tool("ExitPlanMode", {})] },
      ],
    },
    {
      match: { contains: "unused" },
      turns: [
        { blocks: [say("Nothing imports this file any more."), bash("grep -rn report.js src README.md")] },
        { blocks: [say("So it can go."), bash("git rm -q src/report.js && git status --short")] },
      ],
    },
    {
      match: { contains: "cents" },
      turns: [
        { blocks: [say("I look for where amounts are rounded."), bash("grep -rn round src README.md; echo 2 places")] },
        { blocks: [say("Now at how they are added up."), tool("Read", { file_path: "/workspace/src/report.js" })] },
        { blocks: [say(DRAFT)], pace: { betweenChunksMs: 1000, chunkCharacters: 3 } },
      ],
    },
    {
      turns: [
        {
          blocks: [say("I go through the tests, one after the other."), bash("ls src; timeout 2 tail -f /dev/null; echo ok")],
          repeat: 400,
        },
      ],
    },
  ],
});

const SETUP = [
  "echo 'added 214 packages in 3s'",
  "echo '31 packages are looking for funding'",
  'echo "browsers are in $HOME/.cache/browsers"',
  "mkdir -p ~/.cache/browsers && head -c 3000000 /dev/zero > ~/.cache/browsers/chromium",
].join("\n");

/** Runs that go on: one works, and others ask. */
export const live = async (browser: Browser): Promise<void> => {
  await using model = await startScriptedModel({ scenario });
  await using server = await startServer({
    dataDir: DATA_DIR,
    driver: "bubblewrap",
    modelUrl: model.url,
    localRepositories: [`${DATA_DIR}/repositories`],
    environment: { CCR_MAX_CONCURRENT_RUNS: "8" },
  });
  await mkdir(`${DATA_DIR}/repositories`, { recursive: true });
  const { client } = server;
  const files = { "src/report.js": "export const month = (date) => date.getMonth() + 1;\n", "README.md": "# Reports\n" };
  const repository = await createGitRepository({ path: `${DATA_DIR}/repositories/reports`, files });
  const others = await Promise.all(
    ["ledger", "parser"].map((name) => createGitRepository({ path: `${DATA_DIR}/repositories/${name}`, files })),
  );
  const start = async (prompt: string, more: Partial<Parameters<typeof client.runs.start.mutate>[0]> = {}) =>
    (await client.runs.start.mutate({ repository: repository.path, prompt, ...more })).id;
  const environment = await client.environments.create.mutate({
    name: "Node with dependencies",
    setup: { script: SETUP },
    variables: { NODE_ENV: "test" },
  });
  await client.environments.setSecrets.mutate({ id: environment.id, secrets: { PACKAGES_TOKEN: "not-a-real-secret" } });
  await client.environments.setDefault.mutate({ repository: repository.path, environmentId: environment.id });
  const task = await client.tasks.create.mutate({
    name: "Add a licence",
    steps: [{ instructions: "Add the MIT licence to this repository.", checks: "$ test -s LICENSE" }],
  });
  const batch = await client.batches.create.mutate({
    taskId: task.id,
    name: "Licences everywhere",
    repositories: [repository, ...others].map(({ path }) => ({ repository: path })),
    attempts: 2,
  });
  await client.tasks.update.mutate({
    id: task.id,
    steps: [{ instructions: "Add the MIT licence to this repository, and name it in the README.", checks: "$ test -s LICENSE" }],
  });
  const failed = await start("Raise the coverage to 90 %", { checks: "$ grep -q 90 coverage.txt" });
  await server.untilFinal(failed);
  await waitFor(async () => (await client.batches.byId.query({ id: batch.id })).counts.outcomes.passed === 6, {
    what: "the batch",
    timeoutMs: 120_000,
  });
  const [setUp] = await client.environments.setups.query({ id: environment.id });
  const asking = await start("Format the dates of the report with a library");
  const permission = await start("Remove what is unused", { permissionMode: "default" });
  const plan = await start("Make the parser a package of its own");
  const working = await start("Find the tests that depend on the time zone");
  const writing = await start("Find out where the cents get lost");
  await waitFor(async () => (await client.runs.byId.query({ id: writing })).status === "running", {
    what: "the run that writes",
  });
  for (const said of ["Look at the import, too.", "And add a test with a hundred small amounts."])
    await client.talk.say.mutate({ id: writing, text: said });
  await take(browser, server, [
    { name: "run-question", path: `/runs/${asking}`, ready: text("Claude Code has a question") },
    { name: "run-permission", path: `/runs/${permission}`, ready: text("Claude Code asks whether it may use Bash") },
    { name: "run-plan", path: `/runs/${plan}`, ready: text("Approve the plan") },
    {
      name: "run-talk",
      path: `/runs/${writing}`,
      ready: async (page) => {
        await page.getByRole("region", { name: "Being written" }).getByText("two places").waitFor();
        await page.getByLabel("What to say to Claude Code").fill("Then leave the report as it is.");
      },
    },
    { name: "run-failed", path: `/runs/${failed}`, ready: text("What to do:") },
    { name: "home-live", path: "/", ready: text("Needs you") },
    { name: "runs-live", path: "/runs", ready: text("Raise the coverage") },
    { name: "batches", path: "/batches", ready: text("Licences everywhere") },
    { name: "batch", path: `/batches/${batch.id}`, ready: text("Licences everywhere") },
    { name: "batch-compare", path: `/batches/${batch.id}/groups/1`, ready: text("LICENSE") },
    { name: "environments", path: "/environments", ready: text("Node with dependencies") },
    { name: "environment", path: `/environments/${environment.id}`, ready: text("What its script printed") },
    {
      name: "environment-new",
      path: "/environments/new",
      ready: async (page) => {
        // The other choice names the hosts of the machine on which the picture is taken.
        await page.getByLabel("The set-up may reach").selectOption("Nothing");
        await page.getByLabel("Further hosts").fill("crates.example.org");
        await page.getByLabel("Script").fill("cargo fetch --locked");
        await page.getByLabel("Name", { exact: true }).fill("Rust");
        await page.getByLabel("Name", { exact: true }).blur();
        await page.getByRole("heading", { level: 1 }).scrollIntoViewIfNeeded();
      },
    },
    {
      name: "run-setup",
      path: `/runs/${setUp?.from?.runId}`,
      ready: async (page) => {
        const log = page.getByRole("log");
        await log.hover();
        await log.evaluate((element) => {
          element.scrollTop = 0;
        });
        await log
          .getByRole("button", { name: /set up|set-up/i })
          .first()
          .click();
        await log.getByText("added 214 packages").waitFor();
        await page.mouse.move(0, 0);
      },
    },
    { name: "task-history", path: `/tasks/${task.id}/history`, ready: text("as it is now") },
    {
      name: "import",
      path: "/tasks/import",
      ready: async (page) => {
        await page.getByLabel("Text of the file").fill(JSON.stringify(FILE, null, 2));
        await text("This one becomes")(page);
      },
    },
    {
      name: "instances",
      path: "/instances",
      // What it takes of the processor is told by the second look.
      ready: async (page) => {
        await text("bubblewrap")(page);
        await page
          .getByText(/^\d+% of/)
          .first()
          .waitFor();
      },
    },
    {
      name: "run-terminal",
      path: `/runs/${working}?tab=terminal`,
      ready: async (page) => {
        const shell = page.getByText("Shell connected");
        const first = page.getByRole("button", { name: "Open a shell" });
        await shell.or(first).waitFor();
        if (await first.isVisible()) await first.click();
        await shell.waitFor();
        await page.locator(".xterm-screen").click();
        await page.keyboard.type("clear; git log --oneline && ls -l src\n");
        await page.waitForTimeout(1000);
      },
    },
  ]);
};
