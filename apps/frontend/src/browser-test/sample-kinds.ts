import { agent, begins, call, gave, type Said, says, text, we } from "./said.ts";
import { samplePicture } from "./sample-picture.ts";

/*
 * A run in which everything happens that Claude Code can say and every tool it has is used once, for tests and for looking at.
 */

const picture = (width: number, height: number) => ({
  type: "image",
  source: { type: "base64", media_type: "image/png", data: samplePicture(width, height) },
});

const system = (subtype: string, more: Record<string, unknown> = {}, afterMs = 20): Said =>
  agent({ type: "system", subtype, ...more }, afterMs);

let calls = 0;
type Given = { isError?: boolean; structured?: unknown; meta?: Record<string, unknown> };
/** A call and what it gave. */
const used = (name: string, input: unknown, content: unknown, extra: Given = {}): Said[] => {
  calls += 1;
  const id = `k${calls}`;
  return [says([call(id, name, input)]), gave(id, content, extra)];
};

const CODE = `import { readFile } from "node:fs/promises";

/** Reads a configuration; throws when it is none. */
export const readConfig = async (path: string): Promise<Config> => {
  const text = await readFile(path, "utf8"); // utf8 is all we take
  return Config.parse(JSON.parse(text), { limit: 42, name: \`config \${path}\` });
};
`;
const numbered = (code: string): string =>
  code
    .split("\n")
    .map((line, index) => `${index + 1}\t${line}`)
    .join("\n");

const WRITING = `# What I found

It is **important** and *not* ~~simple~~; see \`readConfig\` and [the manual](https://example.com/manual "A title"), or https://example.org.

1. First
   - nested **one**
   - nested two
2. Second

- [x] looked at it
- [ ] changed it

> A quotation
> of two lines.

| Case | Before | After |
|:-----|:------:|------:|
| \`a\` | 1 | 2 |
| a long name that goes on | 10 | 20000 |

\`\`\`ts
const answer = (name: string): number => name.length + 42; // a comment
\`\`\`

![a picture](https://example.com/tracking.png) <b onclick="alert(1)">html</b> &amp; &#8364;

---

The end.`;

const words = (): Said[] => [
  says([{ type: "thinking", thinking: "First I look at the file.\n\nThen I **change** it." }]),
  system("thinking_tokens", { estimated_tokens: 1830, estimated_tokens_delta: 30 }),
  says([{ type: "redacted_thinking", data: "EuYBCkQ" }]),
  says([text(WRITING)]),
  agent({
    type: "assistant",
    parent_tool_use_id: null,
    aborted: true,
    message: { role: "assistant", content: [text("This sentence was broken off in the mid")] },
  }),
  agent({
    type: "user",
    parent_tool_use_id: null,
    message: { role: "user", content: [text("Look at this picture."), picture(320, 180)] },
  }),
];

const shell = (): Said[] => [
  ...used(
    "Bash",
    {
      command:
        "for name in one two three; do\n  echo \"$name\" | tr a-z A-Z # shout\ndone && git log --oneline --author='A. Person' | head -5",
      description: "Shout three names and look at the history",
    },
    "\u001b[1mBold\u001b[0m \u001b[31mred\u001b[0m \u001b[38;5;208morange of 256\u001b[0m \u001b[38;2;120;200;255mtrue colour\u001b[0m \u001b[30;42m PASS \u001b[0m \u001b[7minverse\u001b[0m \u001b[3;4mitalic, underlined\u001b[0m \u001b[2mdim\u001b[0m \u001b[48;2;250;240;90mon yellow\u001b[0m\n10 %\r55 %\r100 % done\nlast line",
    {
      structured: {
        stdout: "",
        stderr: "",
        interrupted: false,
        gitOperation: { commit: { sha: "1f3c9ab01d2", kind: "committed" } },
      },
    },
  ),
  ...used(
    "Bash",
    { command: "npm test" },
    `Exit code 1\n${Array.from({ length: 60 }, (_, line) => `line ${line + 1} of the output`).join("\n")}`,
    {
      isError: true,
    },
  ),
  ...used("Bash", { command: "true" }, "(Bash completed with no output)", { structured: { stdout: "", stderr: "" } }),
  ...used("Bash", { command: `echo ${"wide".repeat(200)}` }, "wide".repeat(600)),
  says([call("bg", "Bash", { command: "npm run dev", description: "Start the server", run_in_background: true })]),
  system("task_started", {
    task_id: "b1",
    tool_use_id: "bg",
    description: "npm run dev",
    is_backgrounded: true,
    task_type: "local_bash",
  }),
  gave("bg", "Command running in background with ID: b1.", { structured: { stdout: "", stderr: "", backgroundTaskId: "b1" } }),
  ...used("BashOutput", { bash_id: "b1" }, "ready on port 3000"),
  ...used("KillShell", { shell_id: "b1" }, '{"message":"Successfully killed shell: b1","shell_id":"b1"}'),
  system(
    "task_notification",
    { task_id: "b1", tool_use_id: "bg", status: "stopped", summary: "The command was stopped", output_file: "" },
    4000,
  ),
];

const files = (): Said[] => [
  ...used("Read", { file_path: "/workspace/src/config.ts", offset: 1, limit: 8 }, numbered(CODE), {
    structured: {
      type: "text",
      file: { filePath: "/workspace/src/config.ts", content: CODE, numLines: 8, startLine: 1, totalLines: 120 },
    },
  }),
  ...used("Read", { file_path: "/workspace/logo.png" }, [picture(640, 360)]),
  ...used("Read", { file_path: "/workspace/manual.pdf", pages: "1-3" }, "PDF file read", {
    structured: {
      type: "parts",
      file: { filePath: "/workspace/manual.pdf", originalSize: 482_113, count: 3, outputDir: "/tmp/pages" },
    },
  }),
  ...used("Read", { file_path: "/workspace/analysis.ipynb" }, "cells", {
    structured: {
      type: "notebook",
      file: {
        filePath: "/workspace/analysis.ipynb",
        cells: [
          { cellType: "markdown", source: "## Totals", cell_id: "c1" },
          {
            cellType: "code",
            source: "total = sum(range(10))\nprint(total)",
            cell_id: "c2",
            language: "python",
            outputs: [{ text: "45\n" }],
          },
        ],
      },
    },
  }),
  ...used(
    "Write",
    { file_path: "/workspace/src/new.py", content: "def greet(name: str) -> str:\n    return f'hello {name}'\n" },
    "File created",
    {
      structured: { type: "create", filePath: "/workspace/src/new.py", structuredPatch: [], originalFile: null },
    },
  ),
  ...used(
    "MultiEdit",
    {
      file_path: "/workspace/src/config.ts",
      edits: [
        { old_string: "limit: 42", new_string: "limit: 43" },
        { old_string: "utf8", new_string: "latin1" },
      ],
    },
    "Edited",
    {
      structured: {
        structuredPatch: [
          {
            oldStart: 5,
            newStart: 5,
            lines: [
              '-  const text = await readFile(path, "utf8");',
              '+  const text = await readFile(path, "latin1");',
              "   return 1;",
            ],
          },
          {
            oldStart: 40,
            newStart: 40,
            lines: [" };", "-const old = true;", "+const now = false;", "\\ No newline at end of file"],
          },
        ],
      },
    },
  ),
  ...used(
    "Edit",
    { file_path: "/workspace/src/gone.ts", old_string: "a", new_string: "b" },
    "<tool_use_error>String to replace not found in file.</tool_use_error>",
    {
      isError: true,
    },
  ),
  ...used(
    "NotebookEdit",
    { notebook_path: "/workspace/analysis.ipynb", cell_id: "c2", new_source: "total = sum(range(100))\nprint(total)" },
    "Updated cell c2",
    {
      structured: {
        old_source: "total = sum(range(10))\nprint(total)",
        new_source: "total = sum(range(100))\nprint(total)",
        cell_type: "code",
        language: "python",
      },
    },
  ),
  ...used(
    "Grep",
    { pattern: "readConfig", output_mode: "content" },
    "src/config.ts:4:export const readConfig = async\nsrc/config.ts-5-  const text\nsrc/main.ts:10:await readConfig(readConfig)",
  ),
  ...used("Grep", { pattern: "x+", output_mode: "count" }, "src/a.ts:3\nsrc/b.ts:1\n\nFound 4 total occurrences across 2 files."),
  ...used("Glob", { pattern: "**/*.ts" }, "/workspace/src/config.ts\n/workspace/src/main.ts", {
    structured: {
      filenames: ["/workspace/src/config.ts", "/workspace/src/main.ts"],
      numFiles: 2,
      truncated: false,
      durationMs: 3,
    },
  }),
  ...used("LS", { path: "/workspace/src" }, "- /workspace/src/\n  - config.ts\n  - main.ts"),
];

const todos = (): Said[] => [
  ...used(
    "TodoWrite",
    {
      todos: [
        { content: "Look", status: "completed", activeForm: "Looking" },
        { content: "Change", status: "in_progress", activeForm: "Changing the file" },
        { content: "Test", status: "pending", activeForm: "Testing" },
      ],
    },
    "Todos have been modified",
  ),
  ...used(
    "TaskCreate",
    { subject: "Write the tests", description: "Cover the odd cases." },
    "Task #8 created successfully: Write the tests",
    {
      structured: { task: { id: "8", subject: "Write the tests" } },
    },
  ),
  ...used("TaskUpdate", { taskId: "8", status: "in_progress", addBlockedBy: ["7"] }, "Updated task #8 status", {
    structured: { success: true, taskId: "8", updatedFields: ["status"] },
  }),
  ...used("TaskList", {}, "#8 [in_progress] Write the tests", {
    structured: { tasks: [{ id: "8", subject: "Write the tests", status: "in_progress", blockedBy: [] }] },
  }),
];

const subagents = (): Said[] => [
  says([
    call("sub", "Task", { description: "Find the callers", prompt: "Find who calls readConfig.", subagent_type: "Explore" }),
  ]),
  system("task_started", {
    task_id: "a1",
    tool_use_id: "sub",
    description: "Find the callers",
    is_backgrounded: false,
    task_type: "local_agent",
  }),
  says([text("I search.")], "sub"),
  says([call("sub1", "Bash", { command: "grep -rn readConfig src" })], "sub"),
  gave("sub1", "src/main.ts:10: await readConfig()", { parent: "sub" }),
  system("task_progress", {
    task_id: "a1",
    tool_use_id: "sub",
    description: "Searching",
    usage: { total_tokens: 5200, tool_uses: 1, duration_ms: 4100 },
  }),
  gave("sub", [{ type: "text", text: "There is **one** caller: `src/main.ts`." }], {
    structured: {
      status: "completed",
      agentId: "a1",
      content: [{ type: "text", text: "There is **one** caller: `src/main.ts`." }],
      totalTokens: 6529,
      totalToolUseCount: 1,
      totalDurationMs: 4800,
      resolvedModel: "claude-haiku-4-5",
    },
  }),
  says([
    call("subbg", "Agent", {
      description: "Watch the build",
      prompt: "Watch it.",
      subagent_type: "general-purpose",
      run_in_background: true,
    }),
  ]),
  system("task_started", {
    task_id: "a2",
    tool_use_id: "subbg",
    description: "Watch the build",
    is_backgrounded: true,
    task_type: "local_agent",
  }),
  gave("subbg", [{ type: "text", text: "Async agent launched successfully." }], {
    structured: { status: "async_launched", agentId: "a2" },
  }),
  system("task_progress", {
    task_id: "a2",
    tool_use_id: "subbg",
    description: "Reading the log",
    usage: { total_tokens: 900, tool_uses: 2, duration_ms: 900 },
  }),
];

const others = (): Said[] => [
  ...used("WebFetch", { url: "https://example.com/manual", prompt: "What does it say of limits?" }, "The limit is 42.", {
    structured: {
      bytes: 18_211,
      code: 200,
      codeText: "OK",
      result: "The limit is **42**.",
      durationMs: 800,
      url: "https://example.com/manual",
    },
  }),
  ...used("WebSearch", { query: "limits of a configuration" }, "Web search results", {
    structured: {
      query: "limits",
      results: [
        {
          tool_use_id: "x",
          content: [
            { title: "The manual", url: "https://example.com/manual", snippet: "All limits." },
            { title: "Never", url: "javascript:alert(1)" },
          ],
        },
        "Two pages tell of limits.",
      ],
      durationSeconds: 1,
    },
  }),
  agent({
    type: "assistant",
    parent_tool_use_id: null,
    tool_use_meta: [{ id: "mcp1", display_name: "Create issue", server_display_name: "Linear", tool_name: "create_issue" }],
    message: {
      role: "assistant",
      content: [
        call("mcp1", "mcp__linear__create_issue", {
          title: "Document limits",
          labels: ["docs", "good first issue"],
          team: { key: "ENG", id: 7 },
          body: "Two\nlines",
        }),
      ],
    },
  }),
  gave("mcp1", [
    { type: "text", text: '{"id":"ENG-12","state":{"name":"Todo","open":true}}' },
    picture(200, 120),
    { type: "resource_link", uri: "https://example.com/ENG-12", name: "ENG-12", mimeType: "text/html" },
    { type: "resource", resource: { uri: "linear://ENG-12", mimeType: "text/plain", text: "The text of the resource" } },
    { type: "audio", data: "AAAA", mimeType: "audio/wav" },
    { type: "hologram", beams: 3 },
  ]),
  ...used(
    "AskUserQuestion",
    {
      questions: [
        {
          question: "Which limit is right?",
          header: "Limit",
          multiSelect: false,
          options: [
            { label: "42", description: "as it is" },
            { label: "43", description: "one more" },
          ],
        },
        {
          question: "Which files?",
          header: "Files",
          multiSelect: true,
          options: [
            { label: "config.ts", description: "" },
            { label: "main.ts", description: "" },
          ],
        },
      ],
    },
    "Your questions have been answered",
    { structured: { answers: { "Which limit is right?": "Neither: 44", "Which files?": "config.ts, main.ts" } } },
  ),
  ...used(
    "ExitPlanMode",
    { plan: "## The plan\n\n1. Change the limit\n2. Run `npm test`" },
    "User has approved exiting plan mode.",
    {
      structured: { plan: null, isAgent: false, filePath: "/home/agent/.claude/plans/x.md" },
    },
  ),
  ...used(
    "ReportFindings",
    {
      findings: [
        {
          file: "src/config.ts",
          line: 5,
          summary: "The limit is off by one",
          failure_scenario: "A name of 42 characters is refused.",
          severity: "important",
          verdict: "CONFIRMED",
        },
      ],
    },
    "ok",
  ),
  ...used("Skill", { skill: "verify", args: "quick" }, "Launching skill: verify"),
  ...used("HologramProjector", { beams: 3, nested: { deep: [{ a: 1 }, { b: null }] } }, '{"projected":true,"at":[1,2,3]}'),
  says([call("denied", "Bash", { command: "rm -rf /" })]),
  system("permission_denied", {
    tool_name: "Bash",
    tool_use_id: "denied",
    decision_reason_type: "rule",
    decision_reason: "A rule denies it",
    message: "Permission to use Bash has been denied.",
  }),
  gave("denied", "Permission to use Bash has been denied.", { isError: true }),
];

const systems = (): Said[] => [
  system("hook_started", { hook_id: "h1", hook_name: "PreToolUse:Bash", hook_event: "PreToolUse" }),
  system("hook_response", {
    hook_id: "h1",
    hook_name: "PreToolUse:Bash",
    hook_event: "PreToolUse",
    output: "checked\n",
    exit_code: 0,
    outcome: "success",
  }),
  system("hook_started", { hook_id: "h2", hook_name: "PostToolUse:Edit", hook_event: "PostToolUse" }),
  system("hook_response", {
    hook_id: "h2",
    hook_name: "PostToolUse:Edit",
    hook_event: "PostToolUse",
    output: "lint failed\n",
    exit_code: 2,
    outcome: "error",
  }),
  agent({
    type: "user",
    parent_tool_use_id: null,
    message: { role: "user", content: "<command-name>/review</command-name><command-args>src</command-args>" },
  }),
  agent({
    type: "user",
    parent_tool_use_id: null,
    message: { role: "user", content: "<local-command-stdout>Nothing to review.</local-command-stdout>" },
  }),
  system("status", { status: "compacting" }),
  system("compact_boundary", {
    compact_metadata: { trigger: "auto", pre_tokens: 162_000, post_tokens: 8100, duration_ms: 14_200 },
  }),
  agent({
    type: "user",
    parent_tool_use_id: null,
    isSynthetic: true,
    message: { role: "user", content: "This session is being continued from a previous conversation.\n\nThe limit was changed." },
  }),
  system("status", { status: null, permissionMode: "acceptEdits" }),
  system("session_state_changed", { state: "running" }),
  system("commands_changed", { commands: [{}, {}] }),
  agent({ type: "auth_status", isAuthenticating: false, output: [] }),
  agent({ type: "rate_limit_event", rate_limit_info: { status: "allowed", rateLimitType: "five_hour", utilization: 0.4 } }),
  agent({
    type: "rate_limit_event",
    rate_limit_info: { status: "allowed_warning", rateLimitType: "seven_day", utilization: 0.91, resetsAt: 1_795_000_000 },
  }),
  agent({
    type: "rate_limit_event",
    rate_limit_info: { status: "rejected", rateLimitType: "five_hour", resetsAt: 1_795_000_000 },
  }),
  system("api_retry", { attempt: 2, max_retries: 10, retry_delay_ms: 4200, error_status: 529, error: "overloaded" }),
  agent({ type: "auth_status", isAuthenticating: false, output: ["Open the page"], error: "The token has expired" }),
  system("files_persisted", {
    files: [{ filename: "report.pdf", file_id: "f1" }],
    failed: [{ filename: "big.bin", error: "too large" }],
  }),
  agent({ type: "tool_use_summary", summary: "Changed the limit and ran the tests", preceding_tool_use_ids: [] }),
  agent({ type: "prompt_suggestion", suggestion: "Now document it" }),
  system("memory_recall", {
    mode: "select",
    memories: [{ path: "/memory/style.md", scope: "personal", content: "Short sentences." }],
  }),
  system("model_refusal_fallback", {
    original_model: "claude-a",
    fallback_model: "claude-b",
    content: "The request was refused.",
    api_refusal_explanation: "It looked dangerous.",
  }),
  system("informational", { level: "warning", content: "A hook does not let Claude Code stop." }),
  system("worker_shutting_down", { reason: "host_exit" }),
  agent({
    type: "assistant",
    parent_tool_use_id: null,
    error: "server_error",
    is_api_error_message: true,
    message: { role: "assistant", content: [text("API Error: 500 Internal server error.")] },
  }),
  agent({
    type: "assistant",
    uuid: "11111111-1111-4111-8111-111111111111",
    parent_tool_use_id: null,
    message: { role: "assistant", content: [text("I will not answer that.")] },
  }),
  agent({
    type: "assistant",
    supersedes: ["11111111-1111-4111-8111-111111111111"],
    parent_tool_use_id: null,
    message: { role: "assistant", content: [text("Of course I answer that.")] },
  }),
  agent({ type: "novelty", subtype: "from_the_future", value: { nested: [1, 2] } }),
];

const ends = (): Said[] =>
  [
    { subtype: "error_max_turns", is_error: true, errors: ["Reached maximum number of turns (5)"], terminal_reason: "max_turns" },
    { subtype: "error_during_execution", is_error: true, errors: [], terminal_reason: "aborted_tools" },
    {
      subtype: "success",
      is_error: true,
      result: "API Error: 529 Overloaded.",
      terminal_reason: "api_error",
      api_error_status: 529,
    },
    {
      subtype: "success",
      is_error: false,
      result: "{}",
      structured_output: { passed: true, evidence: "All of it." },
      permission_denials: [{ tool_name: "Bash", tool_use_id: "denied", tool_input: { command: "rm -rf /" } }],
      modelUsage: {
        "claude-sonnet-5": {
          inputTokens: 18_240,
          outputTokens: 2210,
          cacheReadInputTokens: 90_000,
          cacheCreationInputTokens: 4000,
        },
      },
    },
  ].map((end) =>
    agent({
      type: "result",
      duration_ms: 8200,
      num_turns: 5,
      total_cost_usd: 0.2,
      usage: { input_tokens: 1, output_tokens: 900 },
      ...end,
    }),
  );

/** Everything Claude Code can say, each once. */
export const sampleKinds = (): Said[] => [
  we({ type: "status", status: "running", sentence: "Running." }),
  we({ type: "step_started", stepIndex: 0, attempt: 1, instructions: "Change the limit." }),
  we({ type: "execution_started", executionId: "k", prompt: "Change the limit." }),
  begins(["Bash", "Read", "Edit", "mcp__linear__create_issue"]),
  ...words(),
  ...shell(),
  ...files(),
  ...todos(),
  ...subagents(),
  ...others(),
  ...systems(),
  ...ends(),
  says([call("open", "Bash", { command: "npm run long", description: "Run something long" })]),
];
