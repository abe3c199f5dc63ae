import { agent, type Said, text } from "./said.ts";

/** A message of Claude Code about itself. */
export const system = (subtype: string, more: Record<string, unknown> = {}, afterMs = 20): Said =>
  agent({ type: "system", subtype, ...more }, afterMs);

/** Each kind of message that is about Claude Code itself. */
export const systems = (): Said[] => [
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

/** Each way in which a turn can end. */
export const ends = (): Said[] =>
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
