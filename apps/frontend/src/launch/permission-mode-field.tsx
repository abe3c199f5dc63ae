import { PERMISSION_MODES, type PermissionMode } from "@ccr/protocol";
import { MODE_LABELS } from "../runs/talk/words.ts";
import { Field, Select } from "../ui/field.tsx";

/** What the agent may do without asking, with what each of that means. */
export const PermissionModeField = ({
  value,
  disabled = false,
  onChange,
}: {
  value: PermissionMode;
  disabled?: boolean;
  onChange: (mode: PermissionMode) => void;
}) => (
  <Field label="What it may do" hint={MODE_LABELS[value].hint}>
    {(parts) => (
      <Select
        {...parts}
        value={value}
        disabled={disabled}
        onChange={({ target }) => {
          const chosen = PERMISSION_MODES.find((mode) => mode === target.value);
          if (chosen !== undefined) onChange(chosen);
        }}
      >
        {PERMISSION_MODES.map((mode) => (
          <option key={mode} value={mode}>
            {MODE_LABELS[mode].label}
          </option>
        ))}
      </Select>
    )}
  </Field>
);
