import { LoaderCircle } from "lucide-react";
import type { ComponentProps } from "react";
import { classes } from "./classes.ts";

export type ButtonTone = "primary" | "secondary" | "ghost" | "danger";
export type ButtonSize = "sm" | "md" | "icon";

const TONES: Record<ButtonTone, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong border-transparent",
  secondary: "bg-surface text-ink border-line hover:bg-hover shadow-card",
  ghost: "text-ink-soft border-transparent hover:bg-hover hover:text-ink",
  danger: "bg-surface text-bad border-line hover:bg-bad-soft hover:border-bad",
};
const SIZES: Record<ButtonSize, string> = {
  sm: "h-7 px-2.5 text-xs gap-1.5",
  md: "h-8 px-3 text-sm gap-2",
  icon: "size-7 justify-center",
};

/** The look of a button, for links that act like one. */
export const buttonClasses = (tone: ButtonTone = "secondary", size: ButtonSize = "md"): string =>
  classes(
    "inline-flex shrink-0 items-center justify-center rounded-md border font-medium whitespace-nowrap select-none",
    "transition-colors duration-100 disabled:opacity-50 disabled:cursor-default",
    TONES[tone],
    SIZES[size],
  );

type Props = ComponentProps<"button"> & { tone?: ButtonTone; size?: ButtonSize; busy?: boolean };

/** A button; while `busy` it says so and does nothing. */
export const Button = ({ tone, size, busy = false, className, children, disabled, ...rest }: Props) => (
  <button
    type="button"
    className={classes(buttonClasses(tone, size), className)}
    disabled={disabled === true || busy}
    aria-busy={busy || undefined}
    {...rest}
  >
    {busy && <LoaderCircle aria-hidden className="size-3.5 animate-spin" />}
    {children}
  </button>
);

/** A button that shows only an icon; `label` is its name. */
export const IconButton = ({ label, className, ...rest }: Omit<Props, "size"> & { label: string }) => (
  <Button size="icon" tone="ghost" aria-label={label} title={label} className={className} {...rest} />
);
