import { type CreateTaskInput, contentOf, NO_DEFAULTS, type Task } from "@ccr/protocol";
import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { Part } from "../ui/error-boundary.tsx";
import { Notice, Skeleton } from "../ui/feedback.tsx";
import { lazyPart } from "../ui/lazy-part.tsx";
import { Ago } from "../ui/time.tsx";

const TaskDiff = lazyPart(() => import("./task-diff.tsx").then(({ TaskDiff }) => TaskDiff));

/** By which the notice is found. */
export const CONFLICT_ID = "task-conflict";

/** What is left out stays as it is. */
const withoutGaps = ({
  delivery = null,
  environmentId = null,
  parameters = [],
  defaults = NO_DEFAULTS,
  ...rest
}: CreateTaskInput) => ({
  ...rest,
  ...{ delivery, environmentId, parameters, defaults },
});

/** Somebody else saved the task since its draft was begun: shows theirs beside one's own, and lets one choose. */
export const ConflictNotice = ({
  task,
  mine,
  busy,
  onSaveMine,
  onTakeTheirs,
}: {
  /** As it is now. */
  task: Task;
  /** null: the draft is not one that can be saved. */
  mine: CreateTaskInput | null;
  busy: boolean;
  onSaveMine: () => void;
  onTakeTheirs: () => void;
}) => {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Notice tone="warn" icon={TriangleAlert}>
      <div id={CONFLICT_ID} role="alert" className="flex flex-col gap-2.5">
        <p>
          <span className="font-medium">This task was saved elsewhere</span> <Ago at={task.updatedAt} />, as version{" "}
          {task.version}, while you were writing on an earlier one. Nothing is lost yet: yours is here, and when you save it,
          theirs stays in the history.
        </p>
        <div className="flex flex-wrap gap-2">
          {mine !== null && (
            <Button size="sm" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
              {isOpen ? "Hide the differences" : "Show the differences"}
            </Button>
          )}
          <Button size="sm" busy={busy} onClick={onSaveMine}>
            Save mine as version {task.version + 1}
          </Button>
          <Button size="sm" onClick={onTakeTheirs}>
            Discard mine, take theirs
          </Button>
        </div>
        {isOpen && mine !== null && (
          <div className="flex flex-col gap-1.5">
            <p className="text-xs text-ink-soft">From theirs (−) to yours (+):</p>
            <Part name="comparison" loading={<Skeleton rows={3} />}>
              <TaskDiff before={contentOf(task)} after={{ ...contentOf(task), ...withoutGaps(mine) }} same="Both say the same." />
            </Part>
          </div>
        )}
      </div>
    </Notice>
  );
};
