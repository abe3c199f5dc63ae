import type { Run } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { Braces, History } from "lucide-react";

/** From which version of its task a run was launched, and with which values. */
export const TaskVersionFact = ({
  run,
  taskDeleted,
}: {
  run: Pick<Run, "taskId" | "taskVersion" | "parameters">;
  taskDeleted: boolean;
}) => {
  const { taskId, taskVersion } = run;
  const values = Object.entries(run.parameters);
  return (
    <>
      {taskVersion !== null && (
        <span className="flex min-w-0 items-center gap-1.5" title="The version of the task from which it was launched">
          <History aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
          {taskDeleted ? (
            `Version ${taskVersion}`
          ) : (
            <Link
              to="/tasks/$taskId/history"
              params={{ taskId }}
              search={{ version: taskVersion }}
              className="rounded whitespace-nowrap hover:underline"
            >
              Version {taskVersion}
            </Link>
          )}
        </span>
      )}
      {values.length > 0 && (
        <span
          className="flex min-w-0 items-center gap-1.5"
          title={`Launched with\n${values.map(([name, value]) => `${name}: ${value}`).join("\n")}`}
        >
          <Braces aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
          <span className="max-w-64 min-w-0 truncate">
            <span className="sr-only">Launched with </span>
            {values.map(([name, value]) => `${name}: ${value.slice(0, 100)}`).join(", ")}
          </span>
        </span>
      )}
    </>
  );
};
