import type { AuditRecord, RunId } from "@ccr/protocol";
import { agent, begins, call, checked, checkout, endedTurn, gave, judged, type Said, says, text, we } from "./said.ts";

const TEST_OUTPUT = `\u001b[1m\u001b[31m✖\u001b[39m\u001b[22m slugify drops accents \u001b[2m(2.1ms)\u001b[22m
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:
  \u001b[32m+ actual\u001b[39m \u001b[31m- expected\u001b[39m

  \u001b[32m+ 'crme-brle'\u001b[39m
  \u001b[31m- 'creme-brulee'\u001b[39m
      at TestContext.<anonymous> (file:///workspace/test/slugify.test.js:9:10)
${Array.from({ length: 30 }, (_, index) => `      at frame ${index} (node:internal/test_runner/test:${1000 + index})`).join("\n")}
\u001b[34mℹ tests 4\u001b[39m
\u001b[34mℹ pass 3\u001b[39m
\u001b[31mℹ fail 1\u001b[39m`;

export const refusedRecord = (runId: RunId, n: number, host = "telemetry.example.com"): AuditRecord => ({
  n,
  at: "2026-11-22T20:00:09.000Z",
  runId,
  kind: "connect",
  method: "CONNECT",
  host,
  port: 443,
  path: "",
  decision: "refused",
  rule: "no rule of the allow-list names this host",
  status: 403,
  bytesUp: 218,
  bytesDown: 96,
  durationMs: 0.4,
  usage: null,
});

export const allowedRecord = (runId: RunId, n: number): AuditRecord => ({
  ...refusedRecord(runId, n, "api.anthropic.com"),
  kind: "model",
  method: "POST",
  path: "/v1/messages",
  decision: "allowed",
  rule: "the model route",
  status: 200,
  bytesUp: 48_211,
  bytesDown: 9120,
  durationMs: 2140,
  usage: { model: "claude-sonnet-5", inputTokens: 9000, outputTokens: 420, cacheReadTokens: 8000, cacheWriteTokens: 0 },
});

const INSTRUCTIONS =
  "Add a `slugify` function to `src/slugify.js`.\n\nIt lower-cases, replaces accents, and joins words with **one** hyphen. Write tests for it.";

/** Preparing the sandbox, and the first step up to its check. */
export const firstPart = (runId: RunId): Said[] => [
  we({ type: "status", status: "queued", sentence: "Queued." }),
  we({ type: "status", status: "starting", sentence: "Starting: a sandbox is being prepared." }, 700),
  we({ type: "stage", stage: "mirror", state: "started", text: "Fetching the repository" }),
  we({ type: "stage", stage: "mirror", state: "finished", text: "Fetched the repository", durationMs: 812 }, 812),
  we({ type: "stage", stage: "image", state: "started", text: "Building the executor image" }),
  we({ type: "stage", stage: "image", state: "progress", text: "Step 1/9 : FROM node:24" }, 300),
  we({ type: "stage", stage: "image", state: "progress", text: "Step 2/9 : RUN apt-get update" }, 300),
  we({ type: "stage", stage: "image", state: "finished", text: "The executor image is ready", durationMs: 640 }),
  we({ type: "stage", stage: "sandbox", state: "started", text: "Opening a sandbox" }),
  we({ type: "stage", stage: "sandbox", state: "finished", text: "Opened a sandbox with bubblewrap", durationMs: 231 }, 231),
  we({ type: "stage", stage: "clone", state: "started", text: "Checking out the repository" }),
  we({ type: "stage", stage: "clone", state: "finished", text: "Checked out main at 1f3c9ab", durationMs: 98 }, 98),
  we({ type: "status", status: "running", sentence: "Running." }),
  we({ type: "step_started", stepIndex: 0, attempt: 1, instructions: INSTRUCTIONS }),
  we({ type: "execution_started", executionId: "e1", prompt: INSTRUCTIONS }),
  begins(["Bash", "Read", "Edit", "Write", "Grep", "Glob", "TodoWrite", "Task"]),
  says([
    {
      type: "thinking",
      thinking: "The repository is small. Let me look at how it is laid out, then write the function and its tests.",
    },
  ]),
  says([text("I’ll look at the repository first, then write the function **test first**.")]),
  says([
    call("t1", "TodoWrite", {
      todos: [
        { content: "Look at the repository", status: "completed", activeForm: "Looking at the repository" },
        { content: "Write slugify and its tests", status: "in_progress", activeForm: "Writing slugify and its tests" },
        { content: "Run the tests", status: "pending", activeForm: "Running the tests" },
      ],
    }),
  ]),
  gave("t1", "Todos have been modified successfully."),
  says([call("t2", "Bash", { command: "git log --oneline | head -5 && ls", description: "Look at history and files" })]),
  gave("t2", "1f3c9ab Start\nREADME.md\npackage.json\nsrc\ntest"),
  says([call("t3", "Read", { file_path: "/workspace/src/slugify.js" })]),
  gave("t3", "     1→export const slugify = (text) =>\n     2→  text.toLowerCase();\n"),
  says([call("t4", "Grep", { pattern: "slugify", path: "/workspace", output_mode: "content" })]),
  gave(
    "t4",
    "src/slugify.js:1:export const slugify = (text) =>\ntest/slugify.test.js:3:import { slugify } from '../src/slugify.js';",
  ),
  says([
    call("t5", "Task", {
      description: "Find how others name slugs",
      prompt: "Search the repository for slug conventions.",
      subagent_type: "Explore",
    }),
  ]),
  agent({
    type: "user",
    parent_tool_use_id: "t5",
    message: { role: "user", content: [text("Search the repository for slug conventions.")] },
  }),
  says([call("s1", "Glob", { pattern: "**/*.md" })], "t5"),
  gave("s1", "README.md", { parent: "t5" }),
  says([text("Only the README mentions slugs: lower case, one hyphen.")], "t5"),
  gave("t5", [{ type: "text", text: "Slugs are **lower case** with one hyphen between words (README.md, line 12)." }]),
  says([
    call("t6", "Edit", {
      file_path: "/workspace/src/slugify.js",
      old_string: "  text.toLowerCase();",
      new_string: "  text\n    .toLowerCase()\n    .replace(/[^a-z0-9]+/g, '-')\n    .replace(/^-|-$/g, '');",
    }),
  ]),
  gave("t6", "The file /workspace/src/slugify.js has been updated.", {
    structured: {
      filePath: "/workspace/src/slugify.js",
      structuredPatch: [
        {
          oldStart: 1,
          oldLines: 2,
          newStart: 1,
          newLines: 5,
          lines: [
            " export const slugify = (text) =>",
            "-  text.toLowerCase();",
            "+  text",
            "+    .toLowerCase()",
            "+    .replace(/[^a-z0-9]+/g, '-')",
            "+    .replace(/^-|-$/g, '');",
          ],
        },
      ],
    },
  }),
  says([call("t7", "Bash", { command: "node --test", description: "Run the tests" })]),
  gave("t7", `Exit code 1\n${TEST_OUTPUT}`, { isError: true }),
  we({ type: "egress_refused", record: refusedRecord(runId, 1) }),
  we({ type: "egress_refused", record: refusedRecord(runId, 2) }),
  agent({
    type: "system",
    subtype: "api_retry",
    attempt: 1,
    max_retries: 10,
    retry_delay_ms: 512,
    error_status: 529,
    error: "overloaded",
  }),
  says([
    text(
      "One test fails: accents are dropped instead of replaced. `normalize('NFD')` splits them off:\n\n```js\ntext.normalize('NFD').replace(/\\p{M}/gu, '')\n```\n\n| input | before | after |\n|---|---|---|\n| `Crème brûlée` | `crme-brle` | `creme-brulee` |\n\nSee [MDN](https://developer.mozilla.org/docs/normalize) – and never [this](javascript:alert(1)) or <img src=x onerror=alert(1)>.",
    ),
  ]),
  says([
    call("t8", "Write", {
      file_path: "/workspace/src/slugify.js",
      content:
        "export const slugify = (text) =>\n  text\n    .normalize('NFD')\n    .replace(/\\p{M}/gu, '')\n    .toLowerCase()\n    .replace(/[^a-z0-9]+/g, '-')\n    .replace(/^-|-$/g, '');\n",
    }),
  ]),
  gave("t8", "File written."),
  says([call("t9", "mcp__linear__create_issue", { title: "Document slugs", labels: ["docs"] })]),
  gave("t9", '{"id":"ENG-12"}'),
  agent({ type: "novelty", subtype: "from_the_future", value: 1 }),
];

/** A call that is still going on. */
export const openCall = (): Said =>
  says([call("t10", "Bash", { command: "npm test -- --watch=false", description: "Run all tests" })]);

const ADVICE =
  "Change what is needed so that it passes. Do not weaken the check, and do not rely on files that git ignores or on anything outside of the repository: the checks run on a clean checkout of your work.";
const FEEDBACK = `Your work was checked, and a check did not pass. 'npm test' exited with code 1.\n\n$ npm test\n\nIt printed:\n\n${TEST_OUTPUT}\n\n${ADVICE}`;
const README_FEEDBACK = `Your work was checked, and a check did not pass. 'grep -q slugify README.md' exited with code 1.\n\n$ grep -q slugify README.md\n\nIt printed nothing.\n\n${ADVICE}`;

/** What the judge of the first step saw. */
export const GOOD_EVIDENCE =
  "`src/slugify.js`, lines 1 to 7: one chain of replacements, each on its own line, and every name says what it holds.\n`test/slugify.test.js` covers accents, runs of spaces and the empty text.";
/** What the judge of the second step misses. */
export const BAD_EVIDENCE =
  "README.md, line 12 names `slugify` and shows one call. Nothing there says what becomes of accents, which the criterion asks for.";

/** The end of that call, the first step in two attempts with a judge who is content, the second with one who is not, and the end of the run. */
export const lastPart = (): Said[] => [
  gave("t10", "\u001b[32m✔\u001b[39m 4 tests passed"),
  says([
    call("t11", "TodoWrite", {
      todos: ["Look at the repository", "Write slugify and its tests", "Run the tests"].map((content) => ({
        content,
        status: "completed",
        activeForm: content,
      })),
    }),
  ]),
  gave("t11", "Todos have been modified successfully."),
  ...endedTurn("e1", { durationMs: 14_210, turns: 9, sumUsd: 0.0841, outputTokens: 2210 }),
  ...checkout(),
  ...checked({ stepIndex: 0, attempt: 1 }, "npm test", 1, TEST_OUTPUT),
  we({ type: "step_finished", stepIndex: 0, attempt: 1, passed: false }),
  we({ type: "step_started", stepIndex: 0, attempt: 2, instructions: FEEDBACK }),
  we({ type: "execution_started", executionId: "e2", prompt: FEEDBACK }),
  agent({ type: "user", parent_tool_use_id: null, message: { role: "user", content: [text(FEEDBACK)] } }),
  says([text("The test file was not committed with the change. It is now.")]),
  ...endedTurn("e2", { durationMs: 5200, turns: 3, sumUsd: 0.102, outputTokens: 480 }),
  ...checkout(),
  ...checked({ stepIndex: 0, attempt: 2 }, "npm test", 0, "\u001b[32m✔\u001b[39m 4 tests passed\n"),
  ...judged({ stepIndex: 0, attempt: 2 }, "The function reads well.", { passed: true, evidence: GOOD_EVIDENCE }),
  we({ type: "step_finished", stepIndex: 0, attempt: 2, passed: true }),
  we({ type: "step_started", stepIndex: 1, attempt: 1, instructions: "Describe it in the README." }),
  we({ type: "execution_started", executionId: "e3", prompt: "Describe it in the README." }),
  says([text("I’ve added a short section to the docs.")]),
  ...endedTurn("e3", { durationMs: 3100, turns: 2, sumUsd: 0.123, outputTokens: 310 }),
  ...checkout(),
  ...checked({ stepIndex: 1, attempt: 1 }, "grep -q slugify README.md", 1),
  we({ type: "step_finished", stepIndex: 1, attempt: 1, passed: false }),
  we({ type: "step_started", stepIndex: 1, attempt: 2, instructions: README_FEEDBACK }),
  we({ type: "execution_started", executionId: "e4", prompt: README_FEEDBACK }),
  says([text("It belongs into the README: moved.")]),
  ...endedTurn("e4", { durationMs: 2900, turns: 2, sumUsd: 0.141, outputTokens: 260 }),
  ...checkout(),
  ...checked({ stepIndex: 1, attempt: 2 }, "grep -q slugify README.md", 0),
  ...judged({ stepIndex: 1, attempt: 2 }, "It says what becomes of accents.", { passed: false, evidence: BAD_EVIDENCE }),
  we({ type: "step_finished", stepIndex: 1, attempt: 2, passed: false }),
  we({ type: "stage", stage: "results", state: "started", text: "Saving the results" }),
  we({ type: "stage", stage: "results", state: "finished", text: "Saved the results", durationMs: 77 }, 77),
  we({
    type: "status",
    status: "failed",
    reason: "check_failed",
    sentence: `A check did not pass. Step 2 of 2: A judge found: ${BAD_EVIDENCE} These were 2 attempts.`,
  }),
];

export const samplePatch = `diff --git a/README.md b/README.md
index 1111111..2222222 100644
--- a/README.md
+++ b/README.md
@@ -9,4 +9,6 @@ Slugs
 
 Slugs are lower case, with one hyphen between words.
 
+\`slugify("Crème brûlée")\` is \`creme-brulee\`.
+
 ## Licence
diff --git a/assets/logo.png b/assets/logo.png
index 1111111..2222222 100644
GIT binary patch
literal 3
Kc$@(M0RR91

diff --git a/src/slugify.js b/src/slugify.js
index 1111111..2222222 100644
--- a/src/slugify.js
+++ b/src/slugify.js
@@ -1,2 +1,7 @@
 export const slugify = (text) =>
-  text.toLowerCase();
+  text
+    .normalize('NFD')
+    .replace(/\\p{M}/gu, '')
+    .toLowerCase()
+    .replace(/[^a-z0-9]+/g, '-')
+    .replace(/^-|-$/g, '');
diff --git a/test/old.test.js b/test/slugify.test.js
similarity index 98%
rename from test/old.test.js
rename to test/slugify.test.js
old mode 100644
new mode 100755
`;
