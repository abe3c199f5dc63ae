import { ArrowDown, ArrowUp, CopyPlus, Trash2 } from "lucide-react";
import { IconButton } from "../ui/button.tsx";
import { Field, GrowingTextArea } from "../ui/field.tsx";
import { Card } from "../ui/layout.tsx";
import { ChecksExplained } from "./checks-explained.tsx";
import type { DraftStep, Problems, StepEdit } from "./draft.ts";

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
  return (
    <li id={`step-${key}`}>
      <Card>
        <fieldset className="min-w-0">
          <div className="flex items-center justify-between gap-3 border-b border-line py-1.5 pr-2 pl-4">
            <legend className="float-left text-sm font-semibold">Step {index + 1}</legend>
            <div className="flex gap-0.5">
              <IconButton
                id={`step-${key}-up`}
                label={`Move ${name} up`}
                disabled={index === 0}
                onClick={() => onEdit({ type: "move", key, by: -1 })}
              >
                <ArrowUp aria-hidden className="size-3.5" />
              </IconButton>
              <IconButton
                id={`step-${key}-down`}
                label={`Move ${name} down`}
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
            <Field label="Instructions" error={problems.get(`steps.${index}.instructions`)}>
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
                  <GrowingTextArea
                    {...parts}
                    mono
                    placeholder="$ npm test"
                    value={step.checks}
                    onChange={(event) => onEdit({ type: "change", key, checks: event.target.value })}
                  />
                )}
              </Field>
              <ChecksExplained checks={step.checks} />
            </div>
          </div>
        </fieldset>
      </Card>
    </li>
  );
};
