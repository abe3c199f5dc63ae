import type { Todo, ToolEntry, ToolResult } from "./entry.ts";
import { isRecord, listOf, recordOf, textOf } from "./json.ts";

const statusOf = (value: unknown): Todo["status"] => (value === "in_progress" || value === "completed" ? value : "pending");

/** The list that a `TodoWrite` call writes: all of it, in order. */
export const writtenTodos = (input: ToolEntry["input"]): readonly Todo[] =>
  listOf(input.todos)
    .filter(isRecord)
    .map((todo, index) => ({
      id: String(index + 1),
      text: textOf(todo.content) ?? "",
      activeText: textOf(todo.activeForm),
      status: statusOf(todo.status),
    }));

/** The list as Claude Code tells it; null when it does not. What it tells less of is known from before. */
export const listedTodos = (structured: unknown, before: readonly Todo[] = []): readonly Todo[] | null => {
  const { tasks } = recordOf(structured);
  if (!Array.isArray(tasks)) return null;
  return tasks.filter(isRecord).map(({ id, subject, status }) => {
    const known = before.find((todo) => todo.id === id);
    return {
      id: textOf(id) ?? "",
      text: textOf(subject) ?? "",
      activeText: known?.activeText ?? null,
      status: statusOf(status),
    };
  });
};

/** The id that Claude Code gave to a created task: from the structured result, else from its words. */
const createdId = (result: ToolResult): string | null =>
  textOf(recordOf(recordOf(result.structured).task).id) ?? /#(\S+?)[\s:]/.exec(`${result.text} `)?.[1] ?? null;

const updated = (todo: Todo, input: ToolEntry["input"]): Todo => ({
  ...todo,
  text: textOf(input.subject) ?? todo.text,
  activeText: textOf(input.activeForm) ?? todo.activeText,
  status: input.status === undefined ? todo.status : statusOf(input.status),
});

/** The agent's list after a finished call; the same list when the call is not about it or failed. */
export const advanceTodos = (todos: readonly Todo[], call: ToolEntry, result: ToolResult): readonly Todo[] => {
  if (result.isError || recordOf(result.structured).success === false) return todos;
  switch (call.name) {
    case "TodoWrite":
      return writtenTodos(call.input);
    case "TaskCreate": {
      const id = createdId(result) ?? String(todos.length + 1);
      const todo: Todo = {
        id,
        text: textOf(call.input.subject) ?? "",
        activeText: textOf(call.input.activeForm),
        status: "pending",
      };
      return todos.some((known) => known.id === id) ? todos : [...todos, todo];
    }
    case "TaskUpdate": {
      const id = textOf(call.input.taskId);
      if (call.input.status === "deleted") return todos.filter((todo) => todo.id !== id);
      return todos.map((todo) => (todo.id === id ? updated(todo, call.input) : todo));
    }
    case "TaskList":
      return listedTodos(result.structured, todos) ?? todos;
    default:
      return todos;
  }
};
