import { fillSteps, parseChecks, type Task, type TaskParameter } from "@ccr/protocol";
import { ChevronRight, Terminal } from "lucide-react";
import { Collapsible } from "radix-ui";
import { classes } from "../ui/classes.ts";
import { Field, GrowingTextArea, Select, TextInput } from "../ui/field.tsx";
import { shownValue } from "./parameters.ts";

const ParameterField = ({
  parameter,
  value,
  error,
  onChange,
}: {
  parameter: TaskParameter;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}) => (
  <Field
    label={
      <>
        {parameter.label === "" ? parameter.name : parameter.label}
        {!parameter.required && <span className="font-normal text-ink-faint"> (may be left out)</span>}
      </>
    }
    error={error}
    hint={parameter.description === "" ? undefined : parameter.description}
  >
    {(parts) => {
      const required = { "aria-required": parameter.required };
      switch (parameter.type) {
        case "boolean":
          return (
            <Select {...parts} value={value === "yes" ? "yes" : "no"} onChange={({ target }) => onChange(target.value)}>
              <option value="no">No</option>
              <option value="yes">Yes</option>
            </Select>
          );
        case "choice":
          return (
            <Select
              {...parts}
              {...required}
              value={parameter.choices.includes(value) ? value : ""}
              onChange={({ target }) => onChange(target.value)}
            >
              {(!parameter.required || !parameter.choices.includes(value)) && <option value="">Choose one</option>}
              {parameter.choices.map((choice) => (
                <option key={choice} value={choice}>
                  {choice}
                </option>
              ))}
            </Select>
          );
        case "multiline":
          return <GrowingTextArea {...parts} {...required} value={value} onChange={({ target }) => onChange(target.value)} />;
        case "text":
        case "number":
          return (
            <TextInput
              {...parts}
              {...required}
              inputMode={parameter.type === "number" ? "decimal" : undefined}
              value={value}
              onChange={({ target }) => onChange(target.value)}
            />
          );
      }
    }}
  </Field>
);

/** What will be run with these values. What has no value yet stands there by its name. */
const StepsPreview = ({ task, typed }: { task: Pick<Task, "steps" | "parameters">; typed: Readonly<Record<string, string>> }) => {
  const values = task.parameters.map((parameter) => [
    parameter.name,
    shownValue(parameter, typed) || (parameter.required ? `‹${parameter.name}›` : ""),
  ]);
  const filled = fillSteps(task.steps, Object.fromEntries(values));
  return (
    <Collapsible.Root>
      <Collapsible.Trigger className="group flex min-h-6 items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
        <ChevronRight aria-hidden className="size-3.5 transition-transform group-data-[state=open]:rotate-90" />
        Preview of the steps
      </Collapsible.Trigger>
      <Collapsible.Content className="pt-2">
        {filled.ok ? (
          <ol
            aria-label="Steps with these values"
            // A region that scrolls must be reachable by keyboard.
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
            tabIndex={0}
            className="inset-ring-focus flex max-h-80 flex-col gap-3 overflow-y-auto rounded-md bg-sunken p-3"
          >
            {filled.steps.map(({ instructions, checks }, index) => {
              const { commands, prose } = parseChecks(checks);
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: the steps stay in their order
                <li key={index} className="flex flex-col gap-1">
                  <span className="text-xs font-semibold">Step {index + 1}</span>
                  <p className="text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">{instructions}</p>
                  {commands.map((command, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: the same command may stand twice
                    <p key={at} className="flex min-w-0 gap-1.5">
                      <Terminal aria-hidden className="mt-1 size-3 shrink-0 text-ok" />
                      <code className="code min-w-0 [overflow-wrap:anywhere]">{command}</code>
                    </p>
                  ))}
                  {prose !== "" && <p className="text-xs whitespace-pre-wrap text-ink-soft [overflow-wrap:anywhere]">{prose}</p>}
                </li>
              );
            })}
          </ol>
        ) : (
          <ul className="flex flex-col gap-1 text-xs text-bad">
            {filled.problems.map(({ path: [index, field], message }) => (
              <li key={`${index} ${field}`}>
                Step {index + 1}, {field}: {message}
              </li>
            ))}
          </ul>
        )}
      </Collapsible.Content>
    </Collapsible.Root>
  );
};

/** Asks for what the tasks of a launch need, and shows what comes of the first one. */
export const ParameterFields = ({
  parameters,
  task,
  typed,
  wide,
  problemOf,
  onChange,
}: {
  parameters: readonly TaskParameter[];
  task: Pick<Task, "steps" | "parameters"> | undefined;
  typed: Readonly<Record<string, string>>;
  wide: boolean;
  problemOf: (field: string) => string | undefined;
  onChange: (typed: Record<string, string>) => void;
}) => (
  <fieldset className="flex min-w-0 flex-col gap-4">
    <legend className="sr-only">What the task asks for</legend>
    <div className={classes("grid gap-4", wide && "sm:grid-cols-2")}>
      {parameters.map((parameter) => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          value={shownValue(parameter, typed)}
          error={problemOf(`parameters.${parameter.name}`)}
          onChange={(value) => onChange({ ...typed, [parameter.name]: value })}
        />
      ))}
    </div>
    {task !== undefined && task.parameters.length > 0 && <StepsPreview task={task} typed={typed} />}
  </fieldset>
);
