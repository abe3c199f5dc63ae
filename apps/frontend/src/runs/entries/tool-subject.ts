import { type JsonRecord, listOf, textOf } from "./json.ts";

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
    case "WebFetch":
      return text("url");
    case "WebSearch":
    case "ToolSearch":
      return text("query");
    case "Skill":
      return text("skill");
    default:
      return firstLine(text("description") || text("command") || text("path") || text("query") || text("url"));
  }
};
