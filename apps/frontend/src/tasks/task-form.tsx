import { Plus } from "lucide-react";
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { DeliveryFields } from "../delivery/delivery-fields.tsx";
import { EnvironmentField } from "../environments/environment-field.tsx";
import { Button } from "../ui/button.tsx";
import { Checkbox, Field, TextInput } from "../ui/field.tsx";
import { editSteps, type Problems, type StepEdit, type TaskDraft } from "./draft.ts";
import { StepEditor } from "./step-editor.tsx";

/** The name and the steps of a task, and what may pass. `problems` are shown beside their fields; `notice` above, `footer` below. */
export const TaskForm = ({
  draft,
  problems,
  onChange,
  onSubmit,
  notice,
  footer,
}: {
  draft: TaskDraft;
  problems: Problems;
  onChange: (draft: TaskDraft) => void;
  onSubmit: () => void;
  notice?: ReactNode;
  footer: ReactNode;
}) => {
  const form = useRef<HTMLFormElement>(null);
  const focusAfter = useRef<string | null>(null);
  const [announced, setAnnounced] = useState("");

  const edit = (change: StepEdit): void => {
    const steps = editSteps(draft.steps, change);
    if (change.type === "move") {
      focusAfter.current = `step-${change.key}-${change.by < 0 ? "up" : "down"}`;
      setAnnounced(`Now step ${steps.findIndex(({ key }) => key === change.key) + 1} of ${steps.length}`);
    }
    if (change.type === "add") focusAfter.current = `step-${steps.at(-1)?.key ?? ""}`;
    if (change.type === "add" || change.type === "duplicate") setAnnounced(`${steps.length} steps`);
    if (change.type === "remove") setAnnounced(`Step removed; ${steps.length} left`);
    onChange({ ...draft, steps });
  };

  // A step that moves takes the focus with it, onto its other arrow when it has reached an end; a new one is written at once.
  useLayoutEffect(() => {
    if (focusAfter.current === null) return;
    const id = focusAfter.current;
    focusAfter.current = null;
    const button = document.getElementById(id);
    if (button instanceof HTMLLIElement) return button.querySelector("textarea")?.focus();
    const other = document.getElementById(id.endsWith("-up") ? id.replace("-up", "-down") : id.replace("-down", "-up"));
    (button?.hasAttribute("disabled") === true ? other : button)?.focus();
  });

  // The first field that is wrong is where to go on.
  useLayoutEffect(() => {
    if (problems.size > 0) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problems]);

  return (
    <form
      ref={form}
      noValidate
      className="flex min-w-0 flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {notice}
      <Field label="Name" error={problems.get("name")}>
        {(parts) => (
          <TextInput
            {...parts}
            className="h-9 text-base"
            placeholder="Add a slugify function"
            value={draft.name}
            onChange={(event) => onChange({ ...draft, name: event.target.value })}
          />
        )}
      </Field>
      <ol className="flex flex-col gap-4">
        {draft.steps.map((step, index) => (
          <StepEditor key={step.key} step={step} index={index} count={draft.steps.length} problems={problems} onEdit={edit} />
        ))}
      </ol>
      {problems.has("steps") && (
        <p role="alert" className="text-xs text-bad">
          {problems.get("steps")}
        </p>
      )}
      <p className="sr-only" aria-live="polite">
        {announced}
      </p>
      <div>
        <Button onClick={() => edit({ type: "add" })}>
          <Plus aria-hidden className="size-3.5" /> Add a step
        </Button>
      </div>
      <EnvironmentField
        value={draft.environmentId}
        unset="That of the repository, if it has one"
        error={problems.get("environmentId")}
        onChange={(environmentId) => onChange({ ...draft, environmentId })}
      />
      <Checkbox
        label="A run that changes no file may pass"
        hint="For tasks that ask a question. Without it, a run that changes nothing counts as given up."
        checked={draft.allowNoChanges}
        onChange={(allowNoChanges) => onChange({ ...draft, allowNoChanges })}
      />
      <DeliveryFields
        label="When a run passes"
        choices={["nowhere", "branch", "pull_request"]}
        draft={draft.delivery}
        problems={problems}
        onChange={(delivery) => onChange({ ...draft, delivery })}
      />
      {footer}
    </form>
  );
};
