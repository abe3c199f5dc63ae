import { isRecord, listOf, recordOf, textOf } from "../../entries/json.ts";
import { listedTodos, writtenTodos } from "../../entries/todos.ts";
import { TodoList } from "../todo-list.tsx";
import { Result, type ToolProps } from "./result.tsx";

const ids = (value: unknown): string =>
  listOf(value)
    .map((id) => `#${String(id)}`)
    .join(", ");

/** The agent's list of things to do, or one thing on it. */
export const TodosBody = ({ entry, folds }: ToolProps) => {
  const { name, input, result } = entry;
  if (result?.isError === true || recordOf(result?.structured).success === false) return <Result entry={entry} folds={folds} />;
  if (name === "TodoWrite") return <TodoList todos={writtenTodos(input)} />;
  const structured = recordOf(result?.structured);
  if (name === "TaskList") {
    const todos = listedTodos(structured);
    if (todos === null) return <Result entry={entry} folds={folds} label="Todo list" />;
    return todos.length === 0 ? <p className="text-ink-faint">The list is empty.</p> : <TodoList todos={todos} />;
  }
  const task = isRecord(structured.task) ? structured.task : {};
  const description = textOf(input.description) ?? textOf(task.description);
  const blockedBy = ids(input.addBlockedBy ?? task.blockedBy);
  const blocks = ids(input.addBlocks ?? task.blocks);
  return (
    <div className="flex flex-col gap-1">
      {description !== null && <p className="whitespace-pre-wrap text-ink-soft [overflow-wrap:anywhere]">{description}</p>}
      {textOf(input.owner) !== null && <p className="text-ink-soft">For {textOf(input.owner)}</p>}
      {blockedBy !== "" && <p className="text-xs text-ink-faint">Waits for {blockedBy}</p>}
      {blocks !== "" && <p className="text-xs text-ink-faint">Holds up {blocks}</p>}
      {name === "TaskGet" && result !== null && description === null && <Result entry={entry} folds={folds} />}
    </div>
  );
};
