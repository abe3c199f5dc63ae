import { useSortable } from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import { ArrowDown, ArrowUp, CopyPlus, Eye, GripVertical, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { IconButton } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Part } from "../ui/error-boundary.tsx";
import { Field, GrowingTextArea } from "../ui/field.tsx";
import { Card } from "../ui/layout.tsx";
import { lazyPart } from "../ui/lazy-part.tsx";
import { ChecksArea } from "./checks-area.tsx";
import { ChecksExplained } from "./checks-explained.tsx";
import type { Problems } from "./draft.ts";
import type { DraftStep, StepEdit } from "./steps-draft.ts";

const Markdown = lazyPart(() => import("../runs/transcript/markdown.tsx").then(({ Markdown }) => Markdown));

/** What the arrow keys do to a step when Alt is held. */
const MOVES: Readonly<Record<string, -1 | 1>> = { ArrowUp: -1, ArrowDown: 1 };

/** One step of a task: what to do, how it is checked, and its place among the others. */
export const StepEditor = ({
  step,
  index,
  count,
  problems,
  onEdit,
}: {
  step: DraftStep;
  index: number;
  count: number;
  problems: Problems;
  onEdit: (edit: StepEdit) => void;
}) => {
  const { key } = step;
  const name = `step ${index + 1}`;
  const [isRead, setIsRead] = useState(false);
  const { attributes, listeners, setNodeRef, setActivatorNodeRef, transform, transition, isDragging } = useSortable({
    id: key,
    disabled: count === 1,
  });
  return (
    <li
      id={`step-${key}`}
      ref={setNodeRef}
      style={{ transform: CSS.Translate.toString(transform), transition }}
      className={classes(isDragging && "relative z-10 opacity-80")}
      onKeyDown={(event) => {
        const by = MOVES[event.key];
        if (by === undefined || !event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        onEdit({ type: "move", key, by });
      }}
    >
      <Card>
        <fieldset className="min-w-0">
          <legend className="sr-only">Step {index + 1}</legend>
          <div className="flex items-center justify-between gap-2 border-b border-line py-1.5 pr-2 pl-1.5">
            <div className="flex min-w-0 items-center gap-1">
              <button
                type="button"
                ref={setActivatorNodeRef}
                {...attributes}
                {...listeners}
                aria-label={`Drag ${name}`}
                title="Drag to another place, or press Space and use the arrow keys"
                disabled={count === 1}
                className="grid size-7 shrink-0 cursor-grab touch-none place-items-center rounded text-ink-faint hover:bg-hover hover:text-ink disabled:invisible"
              >
                <GripVertical aria-hidden className="size-4" />
              </button>
              <span aria-hidden className="text-sm font-semibold">
                Step {index + 1}
              </span>
            </div>
            <div className="flex gap-0.5">
              <IconButton
                label={isRead ? `Write ${name}` : `Preview ${name}`}
                aria-pressed={isRead}
                onClick={() => setIsRead(!isRead)}
              >
                {isRead ? <Pencil aria-hidden className="size-3.5" /> : <Eye aria-hidden className="size-3.5" />}
              </IconButton>
              <IconButton
                id={`step-${key}-up`}
                label={`Move ${name} up`}
                aria-keyshortcuts="Alt+ArrowUp"
                disabled={index === 0}
                onClick={() => onEdit({ type: "move", key, by: -1 })}
              >
                <ArrowUp aria-hidden className="size-3.5" />
              </IconButton>
              <IconButton
                id={`step-${key}-down`}
                label={`Move ${name} down`}
                aria-keyshortcuts="Alt+ArrowDown"
                disabled={index === count - 1}
                onClick={() => onEdit({ type: "move", key, by: 1 })}
              >
                <ArrowDown aria-hidden className="size-3.5" />
              </IconButton>
              <IconButton label={`Duplicate ${name}`} onClick={() => onEdit({ type: "duplicate", key })}>
                <CopyPlus aria-hidden className="size-3.5" />
              </IconButton>
              <IconButton label={`Remove ${name}`} disabled={count === 1} onClick={() => onEdit({ type: "remove", key })}>
                <Trash2 aria-hidden className="size-3.5" />
              </IconButton>
            </div>
          </div>
          <div className="flex flex-col gap-4 p-4">
            {isRead ? (
              <section aria-label={`Preview of ${name}`} className="min-h-24 min-w-0 [overflow-wrap:anywhere]">
                {step.instructions.trim() === "" ? (
                  <p className="text-ink-faint">Nothing is written yet.</p>
                ) : (
                  <Part name="preview" loading={<p className="whitespace-pre-wrap">{step.instructions}</p>}>
                    <Markdown text={step.instructions} />
                  </Part>
                )}
              </section>
            ) : (
              <Field label="Instructions" error={problems.get(`steps.${index}.instructions`)} hint="Markdown is welcome.">
                {(parts) => (
                  <GrowingTextArea
                    {...parts}
                    className="min-h-24"
                    placeholder="What Claude Code is to do, in your own words."
                    value={step.instructions}
                    onChange={(event) => onEdit({ type: "change", key, instructions: event.target.value })}
                  />
                )}
              </Field>
            )}
            <div className="flex flex-col gap-2">
              <Field
                label="Checks"
                error={problems.get(`steps.${index}.checks`)}
                hint={
                  <>
                    Begin a line with <code className="code">$&nbsp;</code>(a dollar sign and a space) to run it as a command.
                    Other text is judged by a separate Claude that only reads.
                  </>
                }
              >
                {(parts) => (
                  <ChecksArea
                    {...parts}
                    placeholder="$ npm test"
                    value={step.checks}
                    onChange={(event) => onEdit({ type: "change", key, checks: event.target.value })}
                  />
                )}
              </Field>
              <ChecksExplained checks={step.checks} onChange={(checks) => onEdit({ type: "change", key, checks })} />
            </div>
          </div>
        </fieldset>
      </Card>
    </li>
  );
};
