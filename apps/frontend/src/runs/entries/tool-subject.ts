import { type JsonRecord, listOf, recordOf, textOf } from "./json.ts";

const firstLine = (text: string): string => text.trim().split("\n", 1)[0] ?? "";

/** Paths inside of the workspace are shown from there. */
export const shortPath = (path: string): string => path.replace(/^\/workspace\/(?=.)/, "");

/** What a call is about, in one line: the command, the path, the pattern. Empty when its input does not say. */
export const toolSubject = (name: string, input: JsonRecord, about: string | null = null): string => {
  const text = (key: string): string => textOf(input[key]) ?? "";
  switch (name) {
    case "Bash":
      return firstLine(text("command"));
    case "Read":
    case "Write":
    case "Edit":
    case "MultiEdit":
      return shortPath(text("file_path"));
    case "NotebookRead":
    case "NotebookEdit":
      return shortPath(text("notebook_path"));
    case "Glob":
    case "Grep": {
      const where = text("path") || text("glob");
      return where === "" ? text("pattern") : `${text("pattern")} in ${shortPath(where)}`;
    }
    case "Task":
    case "Agent":
      return text("description");
    case "TodoWrite":
      return `${listOf(input.todos).length} items`;
    case "TaskCreate":
      return text("subject");
    case "TaskUpdate":
      return [text("subject") || about || `#${text("taskId")}`, text("status").replace("_", " ")].filter(Boolean).join(" · ");
    case "TaskGet":
      return about ?? `#${text("taskId")}`;
    case "LS":
      return shortPath(text("path"));
    case "WebFetch":
    case "web_fetch":
      return text("url");
    case "WebSearch":
    case "web_search":
    case "ToolSearch":
      return text("query");
    case "Skill":
      return [text("skill"), text("args")].filter(Boolean).join(" ");
    case "BashOutput":
    case "TaskOutput":
    case "TaskStop":
    case "KillShell":
    case "KillBash":
      return text("task_id") || text("bash_id") || text("shell_id");
    case "AskUserQuestion":
      return firstLine(textOf(recordOf(listOf(input.questions)[0]).question) ?? "");
    case "ExitPlanMode":
      return firstLine(text("plan")).replace(/^#+ */, "");
    case "ReportFindings": {
      const count = listOf(input.findings).length;
      return count === 1 ? "1 finding" : `${count} findings`;
    }
    case "SendMessage":
      return [text("to"), text("summary")].filter(Boolean).join(": ");
    case "CronCreate":
      return [text("cron"), firstLine(text("prompt"))].filter(Boolean).join(" · ");
    case "ScheduleWakeup":
      return text("reason");
    case "Workflow":
      return text("title") || text("name") || firstLine(text("description"));
    case "EnterWorktree":
      return text("name") || text("path");
    case "ReadMcpResourceTool":
    case "ReadMcpResource":
    case "ReadMcpResourceDirTool":
      return [text("server"), text("uri")].filter(Boolean).join(" ");
    default:
      return firstLine(
        ["description", "command", "path", "file_path", "query", "url", "title", "name", "message", "action"]
          .map(text)
          .find((each) => each !== "") ?? "",
      );
  }
};
