import { agent, begins, call, gave, type Said, says, text, we } from "./said.ts";
import { files, picture, used } from "./sample-files.ts";
import { ends, system, systems } from "./sample-systems.ts";

/*
 * A run in which everything happens that Claude Code can say and every tool it has is used once, for tests and for looking at.
 */

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
