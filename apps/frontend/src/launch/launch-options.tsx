import { type NetworkPreset, NO_DEFAULTS, type PermissionMode, type TaskDefaults } from "@ccr/protocol";
import type { DeliveryDraft } from "../delivery/delivery-draft.ts";
import { DeliveryFields } from "../delivery/delivery-fields.tsx";
import { NetworkField } from "../environments/network-field.tsx";
import { NETWORK_WORDS } from "../environments/network-words.ts";
import { classes } from "../ui/classes.ts";
import { Checkbox, Field, TextInput } from "../ui/field.tsx";
import type { LaunchProblems } from "./launch-draft.ts";
import { defaultLimit, LIMIT_FIELDS } from "./limits.ts";
import { ModelInput } from "./model-input.tsx";
import { PermissionModeField } from "./permission-mode-field.tsx";

type Options = {
  model: string;
  limits: Record<string, string>;
  delivery: DeliveryDraft;
  permissionMode: PermissionMode;
  asks: boolean;
  network: NetworkPreset | "";
};

/** The fields of a launch that most people leave as they are: model, where the result goes, limits. */
export const LaunchOptions = ({
  draft,
  defaults = NO_DEFAULTS,
  deliveries,
  problems,
  problemOf,
  wide,
  onChange,
}: {
  draft: Options;
  /** What holds where nothing is said. */
  defaults?: Pick<TaskDefaults, "model" | "limits" | "network">;
  deliveries: readonly DeliveryDraft["to"][];
  problems: LaunchProblems;
  problemOf: (field: string) => string | undefined;
  wide: boolean;
  onChange: (next: Partial<Options>) => void;
}) => (
  <>
    <Field label="Model" error={problemOf("model")}>
      {(parts) => (
        <ModelInput
          {...parts}
          placeholder={defaults.model ?? undefined}
          value={draft.model}
          onChange={(model) => onChange({ model })}
        />
      )}
    </Field>
    <PermissionModeField value={draft.permissionMode} onChange={(permissionMode) => onChange({ permissionMode })} />
    <NetworkField
      value={draft.network}
      unset={defaults.network === null ? "As the environment says" : `${NETWORK_WORDS[defaults.network]}, as the task says`}
      onChange={(network) => onChange({ network })}
    />
    <Checkbox
      label="It may ask me"
      hint="It waits for an answer, and goes on by itself when none comes in time. Runs of a batch never ask."
      checked={draft.asks}
      onChange={(asks) => onChange({ asks })}
    />
    <div className={classes(wide && "sm:col-span-2 lg:col-span-3")}>
      <DeliveryFields
        label="When it passes"
        choices={deliveries}
        draft={draft.delivery}
        problems={problems}
        onChange={(delivery) => onChange({ delivery })}
      />
    </div>
    {LIMIT_FIELDS.map((field) => (
      <Field
        key={field.key}
        label={field.unit === "" ? field.label : `${field.label} (${field.unit})`}
        error={problemOf(`limits.${field.key}`)}
      >
        {(parts) => (
          <TextInput
            {...parts}
            inputMode="decimal"
            placeholder={defaultLimit(field, defaults.limits)}
            value={draft.limits[field.key] ?? ""}
            onChange={(event) => onChange({ limits: { ...draft.limits, [field.key]: event.target.value } })}
          />
        )}
      </Field>
    ))}
  </>
);
