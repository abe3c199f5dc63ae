import { NETWORK_PRESETS, type NetworkPreset } from "@ccr/protocol";
import type { ReactNode } from "react";
import { Field, Select } from "../ui/field.tsx";
import { NETWORK_HINTS, NETWORK_WORDS } from "./network-words.ts";

/** The choice of a network preset; `unset` is what is chosen by choosing none, which is then the empty text. */
export const NetworkField = ({
  label = "What it may reach",
  value,
  hint = NETWORK_HINTS[value],
  unset,
  onChange,
}: {
  label?: string;
  hint?: ReactNode;
  value: NetworkPreset | "";
  unset?: string;
  onChange: (value: NetworkPreset | "") => void;
}) => (
  <Field label={label} hint={hint}>
    {(parts) => (
      <Select
        {...parts}
        value={value}
        onChange={({ target }) => onChange(NETWORK_PRESETS.find((preset) => preset === target.value) ?? "")}
      >
        {unset !== undefined && <option value="">{unset}</option>}
        {NETWORK_PRESETS.map((preset) => (
          <option key={preset} value={preset}>
            {NETWORK_WORDS[preset]}
          </option>
        ))}
      </Select>
    )}
  </Field>
);
