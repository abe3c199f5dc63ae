import { ChevronRight } from "lucide-react";
import { Collapsible } from "radix-ui";
import { useState } from "react";
import { useServerInfo } from "../api/server-info.ts";
import { NetworkField } from "../environments/network-field.tsx";
import { defaultLimit, LIMIT_FIELDS } from "../launch/limits.ts";
import { ModelInput } from "../launch/model-input.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import type { DefaultsDraft, Problems } from "./draft.ts";

const isSet = ({ limits, ...texts }: DefaultsDraft): boolean =>
  [...Object.values(texts), ...Object.values(limits)].some((text) => text !== "");

/** What a launch of the task has when it does not say otherwise, beside environment and result. */
export const DefaultsFields = ({
  draft,
  problems,
  onChange,
}: {
  draft: DefaultsDraft;
  problems: Problems;
  onChange: (draft: DefaultsDraft) => void;
}) => {
  const info = useServerInfo();
  const [isOpen, setIsOpen] = useState(isSet(draft));
  const errorOf = (field: string): string | undefined => problems.get(`defaults.${field}`);
  const isWrong = [...problems.keys()].some((path) => path.startsWith("defaults."));
  const text = (key: "repository" | "ref", label: string, options: { placeholder: string; hint?: string }) => (
    <Field label={label} error={errorOf(key)} hint={options.hint}>
      {(parts) => (
        <TextInput
          {...parts}
          autoCapitalize="off"
          placeholder={options.placeholder}
          value={draft[key]}
          onChange={({ target }) => onChange({ ...draft, [key]: target.value })}
        />
      )}
    </Field>
  );
  return (
    <Collapsible.Root open={isOpen || isWrong} onOpenChange={setIsOpen}>
      <Collapsible.Trigger className="group flex min-h-6 items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
        <ChevronRight aria-hidden className="size-3.5 transition-transform group-data-[state=open]:rotate-90" />
        Usual repository, model, network and limits
      </Collapsible.Trigger>
      <Collapsible.Content className="grid gap-4 pt-4 sm:grid-cols-2">
        {text("repository", "Usual repository", {
          placeholder: info?.demoRepository ?? "owner/name",
          hint: "A launch that names none runs against this one.",
        })}
        {text("ref", "Usual branch, tag or commit", {
          placeholder: "default branch",
          hint: draft.repository.trim() === "" ? "Of every repository." : "Of that repository.",
        })}
        <Field label="Usual model" error={errorOf("model")}>
          {(parts) => <ModelInput {...parts} value={draft.model} onChange={(model) => onChange({ ...draft, model })} />}
        </Field>
        <NetworkField
          label="Usual network"
          value={draft.network}
          unset="As the environment says"
          onChange={(network) => onChange({ ...draft, network })}
        />
        {LIMIT_FIELDS.map((field) => (
          <Field
            key={field.key}
            label={field.unit === "" ? field.label : `${field.label} (${field.unit})`}
            error={errorOf(`limits.${field.key}`)}
          >
            {(parts) => (
              <TextInput
                {...parts}
                inputMode="decimal"
                placeholder={defaultLimit(field)}
                value={draft.limits[field.key] ?? ""}
                onChange={({ target }) => onChange({ ...draft, limits: { ...draft.limits, [field.key]: target.value } })}
              />
            )}
          </Field>
        ))}
      </Collapsible.Content>
    </Collapsible.Root>
  );
};
