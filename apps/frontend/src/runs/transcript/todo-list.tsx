import { Circle, CircleCheck, CircleDot } from "lucide-react";
import { classes } from "../../ui/classes.ts";
import type { Todo } from "../entries/entry.ts";

const LOOKS = {
  pending: { icon: Circle, tone: "text-ink-faint", text: "text-ink-soft", says: "to do: " },
  in_progress: { icon: CircleDot, tone: "text-accent", text: "text-ink font-medium", says: "being done: " },
  completed: { icon: CircleCheck, tone: "text-ok", text: "text-ink-faint line-through decoration-line-strong", says: "done: " },
} as const;

/** The agent's list of things to do. */
export const TodoList = ({ todos }: { todos: readonly Todo[] }) => (
  <ul className="flex flex-col gap-1">
    {todos.map(({ id, text, activeText, status }) => {
      const { icon: Icon, tone, text: textTone, says } = LOOKS[status];
      return (
        <li key={id} className="flex gap-2">
          <Icon aria-hidden className={classes("mt-[0.1875rem] size-3.5 shrink-0", tone)} />
          <span className={classes("min-w-0 [overflow-wrap:anywhere]", textTone)}>
            <span className="sr-only">{says}</span>
            {status === "in_progress" ? (activeText ?? text) : text}
          </span>
        </li>
      );
    })}
  </ul>
);
