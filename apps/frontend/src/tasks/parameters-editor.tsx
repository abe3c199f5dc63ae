import { namesIn } from "@ccr/protocol";
import { Braces, Plus, Trash2 } from "lucide-react";
import { Button, IconButton } from "../ui/button.tsx";
import { Checkbox, Field, GrowingTextArea, Select, TextInput } from "../ui/field.tsx";
import { Card, Section } from "../ui/layout.tsx";
import type { Problems, TaskDraft } from "./draft.ts";
import { declare, type ParameterDraft, TYPE_LABELS } from "./parameters-draft.ts";

const isType = (text: string): text is ParameterDraft["type"] => Object.hasOwn(TYPE_LABELS, text);

const DefaultField = ({
  draft,
  error,
  onChange,
}: {
  draft: ParameterDraft;
  error: string | undefined;
  onChange: (value: string) => void;
}) => (
  <Field label="Value when nothing is given" error={error}>
    {(parts) => {
      switch (draft.type) {
        case "boolean":
          return (
            <Select {...parts} value={draft.default === "yes" ? "yes" : "no"} onChange={({ target }) => onChange(target.value)}>
              <option value="no">No</option>
              <option value="yes">Yes</option>
            </Select>
          );
        case "choice":
          return (
            <Select {...parts} value={draft.default} onChange={({ target }) => onChange(target.value)}>
              <option value="">None</option>
              {[...new Set([...draft.choices.split("\n").map((line) => line.trim()), draft.default])]
                .filter((choice) => choice !== "")
                .map((choice) => (
                  <option key={choice} value={choice}>
                    {choice}
                  </option>
                ))}
            </Select>
          );
        case "multiline":
          return <GrowingTextArea {...parts} value={draft.default} onChange={({ target }) => onChange(target.value)} />;
        case "text":
        case "number":
          return (
            <TextInput
              {...parts}
              inputMode={draft.type === "number" ? "decimal" : undefined}
              placeholder="none"
              value={draft.default}
              onChange={({ target }) => onChange(target.value)}
            />
          );
      }
    }}
  </Field>
);

const ParameterEditor = ({
  draft,
  index,
  isUsed,
  problems,
  onChange,
  onRemove,
}: {
  draft: ParameterDraft;
  index: number;
  isUsed: boolean;
  problems: Problems;
  onChange: (next: Partial<ParameterDraft>) => void;
  onRemove: () => void;
}) => {
  const errorOf = (field: string): string | undefined => problems.get(`parameters.${index}.${field}`);
  const choiceError = errorOf("choices") ?? [...problems].find(([path]) => path.startsWith(`parameters.${index}.choices.`))?.[1];
  return (
    <li>
      <Card>
        <fieldset className="min-w-0">
          <legend className="sr-only">Parameter {draft.name === "" ? index + 1 : draft.name}</legend>
          <div className="flex items-center justify-between gap-3 border-b border-line py-1.5 pr-2 pl-4">
            <code className="code min-w-0 truncate font-semibold">{`{{${draft.name}}}`}</code>
            <IconButton label={`Remove the parameter ${draft.name}`} onClick={onRemove}>
              <Trash2 aria-hidden className="size-3.5" />
            </IconButton>
          </div>
          <div className="grid gap-4 p-4 sm:grid-cols-2">
            <Field
              label="Called in the text"
              error={errorOf("name")}
              hint={
                isUsed ? undefined : (
                  <>
                    Not used yet: write <code className="code">{`{{${draft.name}}}`}</code> into a step.
                  </>
                )
              }
            >
              {(parts) => (
                <TextInput
                  {...parts}
                  className="code"
                  autoCapitalize="off"
                  placeholder="version"
                  value={draft.name}
                  onChange={({ target }) => onChange({ name: target.value })}
                />
              )}
            </Field>
            <Field label="Asked for as" error={errorOf("label")}>
              {(parts) => (
                <TextInput
                  {...parts}
                  placeholder={draft.name}
                  value={draft.label}
                  onChange={({ target }) => onChange({ label: target.value })}
                />
              )}
            </Field>
            <Field label="Kind" error={errorOf("type")}>
              {(parts) => (
                <Select
                  {...parts}
                  value={draft.type}
                  onChange={({ target }) => {
                    if (isType(target.value)) onChange({ type: target.value, default: "" });
                  }}
                >
                  {Object.entries(TYPE_LABELS).map(([type, label]) => (
                    <option key={type} value={type}>
                      {label}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <DefaultField draft={draft} error={errorOf("default")} onChange={(value) => onChange({ default: value })} />
            {draft.type === "choice" && (
              <Field label="Choices, one per line" error={choiceError} className="sm:col-span-2">
                {(parts) => (
                  <GrowingTextArea
                    {...parts}
                    value={draft.choices}
                    onChange={({ target }) => onChange({ choices: target.value })}
                  />
                )}
              </Field>
            )}
            <Field label="Explained to who launches it" error={errorOf("description")} className="sm:col-span-2">
              {(parts) => (
                <TextInput
                  {...parts}
                  placeholder="nothing"
                  value={draft.description}
                  onChange={({ target }) => onChange({ description: target.value })}
                />
              )}
            </Field>
            {draft.type !== "boolean" && (
              <div className="sm:col-span-2">
                <Checkbox
                  label="A value is required"
                  hint="Without one, nothing is launched. Otherwise nothing stands in its place."
                  checked={draft.required}
                  onChange={(required) => onChange({ required })}
                />
              </div>
            )}
          </div>
        </fieldset>
      </Card>
    </li>
  );
};

/** What a launch is asked for, and what in the text of the steps may be meant as such. */
export const ParametersEditor = ({
  draft,
  problems,
  onChange,
}: {
  draft: TaskDraft;
  problems: Problems;
  onChange: (parameters: ParameterDraft[]) => void;
}) => {
  const { parameters } = draft;
  const found = namesIn(draft.steps.map(({ instructions, checks }) => `${instructions}\n${checks}`).join("\n"));
  const undeclared = found.filter((name) => !parameters.some((parameter) => parameter.name.trim() === name));
  return (
    <Section heading="Parameters">
      <p className="text-ink-soft">
        Write <code className="code">{"{{name}}"}</code> into instructions or checks, and a launch asks for it. Only what is
        declared here is asked for; anything else between such braces, and{" "}
        <code className="code">
          {"$"}
          {"{{ … }}"}
        </code>
        , stays as it stands.
      </p>
      {problems.has("parameters") && (
        <p role="alert" className="text-xs text-bad">
          {problems.get("parameters")}
        </p>
      )}
      {parameters.length > 0 && (
        <>
          <ol className="flex flex-col gap-3" aria-label="Parameters">
            {parameters.map((parameter, index) => (
              <ParameterEditor
                key={parameter.key}
                draft={parameter}
                index={index}
                isUsed={found.includes(parameter.name.trim())}
                problems={problems}
                onChange={(next) => onChange(parameters.map((each) => (each === parameter ? { ...each, ...next } : each)))}
                onRemove={() => onChange(parameters.filter((each) => each !== parameter))}
              />
            ))}
          </ol>
          <p className="text-xs text-ink-faint">
            In a command of the checks a value is quoted by itself and stays one word, also between quotes. Values are kept with
            the run and shown with it: give no secret. Write <code className="code">{"\\{{name}}"}</code> for the text itself.
          </p>
        </>
      )}
      <div className="flex flex-wrap gap-2">
        {undeclared.slice(0, 10).map((name) => (
          <Button key={name} size="sm" onClick={() => onChange(declare(parameters, name))}>
            <Braces aria-hidden className="size-3.5" /> Ask for {name}
          </Button>
        ))}
        <Button size="sm" tone={undeclared.length > 0 ? "ghost" : "secondary"} onClick={() => onChange(declare(parameters, ""))}>
          <Plus aria-hidden className="size-3.5" /> Add a parameter
        </Button>
      </div>
    </Section>
  );
};
