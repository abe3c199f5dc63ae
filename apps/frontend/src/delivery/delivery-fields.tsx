import { DEFAULT_BRANCH_PATTERN } from "@ccr/protocol";
import { Checkbox, Field, Select, TextInput } from "../ui/field.tsx";
import type { DeliveryDraft } from "./delivery-draft.ts";

const CHOICES = {
  task: "As the task says",
  nowhere: "Keep it here: patch and bundle",
  branch: "Push a branch",
  pull_request: "Push a branch and open a pull request",
} as const satisfies Record<DeliveryDraft["to"], string>;

/** Where the result of a run goes. `problems` are by field: `delivery.branch`. */
export const DeliveryFields = ({
  label,
  choices,
  draft,
  problems,
  onChange,
}: {
  label: string;
  choices: readonly DeliveryDraft["to"][];
  draft: DeliveryDraft;
  problems: ReadonlyMap<string, string>;
  onChange: (draft: DeliveryDraft) => void;
}) => {
  const isPushed = draft.to === "branch" || draft.to === "pull_request";
  const set = (next: Partial<DeliveryDraft>): void => onChange({ ...draft, ...next });
  const text = (
    key: "branch" | "base" | "title" | "reviewers" | "labels" | "times" | "people",
    name: string,
    placeholder: string,
    hint?: string,
  ) => (
    <Field label={name} error={problems.get(`delivery.${key}`)} hint={hint}>
      {(parts) => (
        <TextInput
          {...parts}
          placeholder={placeholder}
          autoCapitalize="off"
          value={draft[key]}
          onChange={(event) => set({ [key]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Field
        label={label}
        hint={isPushed ? "Pushed by the server, with its own credentials. None of them is ever in a sandbox." : undefined}
      >
        {(parts) => (
          <Select
            {...parts}
            value={draft.to}
            onChange={({ target }) => {
              const to = choices.find((choice) => choice === target.value);
              if (to !== undefined) set({ to });
            }}
          >
            {choices.map((choice) => (
              <option key={choice} value={choice}>
                {CHOICES[choice]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {isPushed && (
        <div className="grid gap-4 sm:grid-cols-2">
          {text("branch", "Branch", DEFAULT_BRANCH_PATTERN, "{task}, {run} and {date} stand for what they say.")}
          {text("base", "Into", "the branch that it starts from")}
        </div>
      )}
      {draft.to === "pull_request" && (
        <>
          {text("title", "Title", "the task’s name")}
          <div className="grid gap-4 sm:grid-cols-2">
            {text("reviewers", "Reviewers", "names, with commas between")}
            {text("labels", "Labels", "names, with commas between")}
          </div>
          <div className="grid gap-4 sm:grid-cols-2">
            {text(
              "times",
              "Runs that follow, at most",
              "never",
              "When its checks fail, or somebody who may asks for changes, another run goes on in the same conversation.",
            )}
            {text(
              "people",
              "Who may ask for one, beside reviewers",
              "names, with commas between",
              "Anybody may comment on a public request: nobody else is heard.",
            )}
          </div>
          <Checkbox
            label="As a draft"
            hint="Nobody is asked to merge it yet."
            checked={draft.draft}
            onChange={(isDraft) => set({ draft: isDraft })}
          />
        </>
      )}
    </div>
  );
};
