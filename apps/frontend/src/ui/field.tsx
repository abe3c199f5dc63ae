import { type ComponentProps, type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { classes } from "./classes.ts";

const control =
  "w-full rounded-md border border-line-strong bg-surface px-2.5 text-ink transition-colors hover:border-ink-faint aria-invalid:border-bad";

type FieldParts = { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean | undefined };

/** A label, its control, and below what is wrong with it (read out) and a hint. `children` gets the ids to put on the control. */
export const Field = ({
  label,
  hint,
  error,
  children,
  className,
  hideLabel = false,
}: {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  children: (parts: FieldParts) => ReactNode;
  className?: string;
  hideLabel?: boolean;
}) => {
  const id = useId();
  const notes = [error === undefined ? "" : `${id}-error`, hint === undefined ? "" : `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div className={classes("flex min-w-0 flex-col gap-1.5", className)}>
      <label htmlFor={id} className={hideLabel ? "sr-only" : "text-xs font-medium text-ink-soft"}>
        {label}
      </label>
      {children({ id, "aria-describedby": notes || undefined, "aria-invalid": error === undefined ? undefined : true })}
      {error !== undefined && (
        <p id={`${id}-error`} role="alert" className="text-xs text-bad [overflow-wrap:anywhere]">
          {capitalised(error)}
        </p>
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-xs text-ink-faint [overflow-wrap:anywhere]">
          {hint}
        </p>
      )}
    </div>
  );
};

/** The server's messages begin in lower case, as they follow a field's name there. */
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export const TextInput = ({ className, ...rest }: ComponentProps<"input">) => (
  <input type="text" autoComplete="off" spellCheck={false} className={classes(control, "h-8", className)} {...rest} />
);

/** A box to tick, with its label and a hint below. */
export const Checkbox = ({
  label,
  hint,
  checked,
  onChange,
}: {
  label: string;
  hint: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) => {
  const id = useId();
  return (
    <div className="flex min-w-0 items-start gap-2.5">
      <input
        type="checkbox"
        id={id}
        aria-describedby={`${id}-hint`}
        checked={checked}
        onChange={({ target }) => onChange(target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <div className="flex min-w-0 flex-col gap-0.5">
        <label htmlFor={id}>{label}</label>
        <p id={`${id}-hint`} className="text-xs text-ink-faint">
          {hint}
        </p>
      </div>
    </div>
  );
};

export const Select = ({ className, children, ...rest }: ComponentProps<"select">) => (
  <select className={classes(control, "h-8 pr-7", className)} {...rest}>
    {children}
  </select>
);

/** A text area that is as high as its text, up to most of the window. */
export const GrowingTextArea = ({
  className,
  mono = false,
  ...rest
}: ComponentProps<"textarea"> & { mono?: boolean; value: string }) => {
  const area = useRef<HTMLTextAreaElement>(null);
  const { value } = rest;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the height follows
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    const { parentElement: parent } = element;
    // While it is measured it takes as much room as before: what is beside it would be laid out anew, and scroll.
    if (parent !== null) parent.style.minHeight = `${parent.offsetHeight}px`;
    element.style.height = "0";
    element.style.height = `${element.scrollHeight + 2}px`;
    if (parent !== null) parent.style.minHeight = "";
  }, [value]);
  return (
    <textarea
      ref={area}
      className={classes(control, "max-h-[60vh] min-h-16 resize-y py-2", mono && "code", className)}
      spellCheck={!mono}
      autoComplete="off"
      {...rest}
    />
  );
};
