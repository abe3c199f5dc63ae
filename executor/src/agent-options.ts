import type { CanUseTool, Options } from "@anthropic-ai/claude-agent-sdk";
import type { PermissionMode } from "@ccr/protocol";
import { verdictFormat } from "./verdict.ts";

export interface AgentOptionsInput {
  environment: Record<string, string>;
  /** An empty folder of ours; see below. */
  trustedConfigRoot: string;
  executable: string | null;
  model: string | null;
  maxTurns: number | null;
  maxBudgetUsd: number | null;
  permissionMode: PermissionMode | "dontAsk";
  /** Whom the agent asks; null: nobody. Claude Code offers its tools for questions and plans only where there is somebody. */
  ask: CanUseTool | null;
}

const READING_TOOLS = ["Read", "Grep", "Glob"];

/**
 * How Claude Code is started, apart from the folder and the conversation. Pure.
 *
 * A repository is hostile: its `.claude/settings.json` and `settings.local.json` can carry hooks, `env` (a changed `ANTHROPIC_BASE_URL`)
 * and an `apiKeyHelper`, its `.mcp.json` servers, all of which Claude Code would run or obey before the first prompt. Its `CLAUDE.md` is
 * wanted. The setting source `project` is what loads `CLAUDE.md`, and `projectConfigRoot` makes settings, hooks, MCP servers, agents,
 * skills and commands of the project come from a folder of ours, which is empty. `strictMcpConfig` shuts out MCP servers from anywhere
 * else, and leaving out the sources `user` and `local` those settings that an agent could write for the next process.
 */
export const agentOptions = (input: AgentOptionsInput): Options => ({
  env: input.environment,
  permissionMode: input.permissionMode,
  // So that a person may let it do everything later on.
  allowDangerouslySkipPermissions: true,
  ...(input.ask === null ? {} : { canUseTool: input.ask }),
  settingSources: ["project"],
  projectConfigRoot: input.trustedConfigRoot,
  strictMcpConfig: true,
  systemPrompt: { type: "preset", preset: "claude_code" },
  // Deltas of an answer that is being written are the only sign of life during a long one.
  includePartialMessages: true,
  ...(input.executable === null ? {} : { pathToClaudeCodeExecutable: input.executable }),
  ...(input.model === null ? {} : { model: input.model }),
  ...(input.maxTurns === null ? {} : { maxTurns: input.maxTurns }),
  ...(input.maxBudgetUsd === null ? {} : { maxBudgetUsd: input.maxBudgetUsd }),
});

/**
 * The same for a turn that judges. `tools` is what takes all other tools away (`allowedTools` only answers a question in advance), and
 * `dontAsk` refuses what would need to be asked for: to read outside of the workspace, also through a link. Without setting sources, no
 * `CLAUDE.md` tells the judge what to think of the work that it came with. Pure.
 */
export const judgeOptions = (input: Omit<AgentOptionsInput, "ask" | "permissionMode">): Options => {
  const { allowDangerouslySkipPermissions: _, ...options } = agentOptions({ ...input, ask: null, permissionMode: "dontAsk" });
  return {
    ...options,
    settingSources: [],
    tools: READING_TOOLS,
    outputFormat: verdictFormat,
    // Nobody goes on with the conversation.
    persistSession: false,
  };
};
