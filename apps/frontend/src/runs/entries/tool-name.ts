import type { ToolEntry } from "./entry.ts";

/** Names for people, where Claude Code's own say it less well. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["TodoWrite", "Todo list"],
  ["TaskCreate", "New todo"],
  ["TaskUpdate", "Todo"],
  ["TaskGet", "Todo"],
  ["TaskList", "Todo list"],
  ["Task", "Subagent"],
  ["Agent", "Subagent"],
  ["MultiEdit", "Edit"],
  ["NotebookEdit", "Edit notebook"],
  ["NotebookRead", "Read notebook"],
  ["LS", "List"],
  ["WebFetch", "Fetch"],
  ["WebSearch", "Web search"],
  ["web_search", "Web search"],
  ["web_fetch", "Fetch"],
  ["BashOutput", "Output of a command"],
  ["TaskOutput", "Output of a task"],
  ["KillShell", "Stop a command"],
  ["KillBash", "Stop a command"],
  ["TaskStop", "Stop a task"],
  ["AskUserQuestion", "Question"],
  ["ExitPlanMode", "Plan"],
  ["EnterPlanMode", "Plan first"],
  ["ToolSearch", "Find tools"],
  ["SlashCommand", "Slash command"],
  ["StructuredOutput", "Answer"],
  ["ReportFindings", "Findings"],
  ["SendMessage", "Message to an agent"],
  ["ListAgents", "Agents"],
  ["EnterWorktree", "Enter a worktree"],
  ["ExitWorktree", "Leave the worktree"],
  ["ScheduleWakeup", "Wake up later"],
  ["CronCreate", "New schedule"],
  ["CronDelete", "Delete a schedule"],
  ["CronList", "Schedules"],
  ["PushNotification", "Notification"],
  ["ListMcpResourcesTool", "MCP resources"],
  ["ListMcpResources", "MCP resources"],
  ["ReadMcpResourceTool", "Read an MCP resource"],
  ["ReadMcpResource", "Read an MCP resource"],
  ["ReadMcpResourceDirTool", "MCP resources"],
  ["RefreshMcpTools", "Refresh MCP tools"],
]);

/** A tool as people call it, and the MCP server it belongs to. Pure. */
export const toolName = ({ name, title }: Pick<ToolEntry, "name" | "title">): { name: string; server: string | null } => {
  // What a server calls itself is outside data as well; its plain name is the one of the settings.
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
  if (server !== undefined && tool !== undefined) return { name: title?.tool ?? tool, server: title?.server ?? server };
  return { name: NAMES.get(name) ?? name, server: title?.server ?? null };
};
