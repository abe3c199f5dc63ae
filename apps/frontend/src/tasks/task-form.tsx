import { type ReactNode, useLayoutEffect, useRef } from "react";
import { DeliveryFields } from "../delivery/delivery-fields.tsx";
import { EnvironmentField } from "../environments/environment-field.tsx";
import { Checkbox, Field, TextInput } from "../ui/field.tsx";
import { Section } from "../ui/layout.tsx";
import { DefaultsFields } from "./defaults-fields.tsx";
import type { Problems, TaskDraft } from "./draft.ts";
import { ParametersEditor } from "./parameters-editor.tsx";
import { StepsEditor } from "./steps-editor.tsx";

/** The name and the steps of a task, and what its runs have. `problems` are shown beside their fields; `notice` above, `footer` below. */
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
      <StepsEditor steps={draft.steps} problems={problems} onChange={(steps) => onChange({ ...draft, steps })} />
      <ParametersEditor draft={draft} problems={problems} onChange={(parameters) => onChange({ ...draft, parameters })} />
      <Section heading="Its runs">
        <div className="flex flex-col gap-5">
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
          <DefaultsFields draft={draft.defaults} problems={problems} onChange={(defaults) => onChange({ ...draft, defaults })} />
        </div>
      </Section>
      {footer}
    </form>
  );
};
