import { useId } from "react";
import { classes } from "./classes.ts";

/** One of a few, side by side. */
export const Choice = <Value extends string>({
  legend,
  hint,
  value,
  choices,
  onChange,
}: {
  legend: string;
  hint?: string;
  value: Value;
  choices: readonly { value: Value; label: string }[];
  onChange: (value: Value) => void;
}) => {
  const name = useId();
  return (
    <fieldset className="flex min-w-0 flex-col gap-1.5" aria-describedby={hint === undefined ? undefined : `${name}-hint`}>
      <legend className="mb-1.5 text-xs font-medium text-ink-soft">{legend}</legend>
      <div className="flex flex-wrap gap-1.5">
        {choices.map(({ value: each, label }) => (
          <label
            key={each}
            className={classes(
              "inline-flex h-8 cursor-pointer items-center rounded-md border px-3 font-medium has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent",
              each === value ? "border-accent bg-accent-soft text-accent" : "border-line-strong text-ink-soft hover:bg-hover",
            )}
          >
            <input type="radio" name={name} checked={each === value} onChange={() => onChange(each)} className="sr-only" />
            {label}
          </label>
        ))}
      </div>
      {hint !== undefined && (
        <p id={`${name}-hint`} className="text-xs text-pretty text-ink-faint">
          {hint}
        </p>
      )}
    </fieldset>
  );
};
