import { CircleAlert, CloudOff, type LucideIcon, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { describeError, isLostPart, isUnanswered } from "../api/errors.ts";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { CopyTextButton } from "./copy-button.tsx";

/** What is shown where there is nothing: what would be here, and what to do next. */
export const EmptyState = ({
  icon: Icon,
  title,
  children,
  action,
}: {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) => (
  <div className="flex flex-col items-center gap-2 px-6 py-12 text-center">
    <span className="mb-1 grid size-10 place-items-center rounded-full bg-sunken text-ink-faint">
      <Icon aria-hidden className="size-5" />
    </span>
    <p className="text-base font-medium">{title}</p>
    {children !== undefined && <p className="max-w-md text-pretty text-ink-soft">{children}</p>}
    {action !== undefined && <div className="mt-3 flex flex-wrap justify-center gap-2">{action}</div>}
  </div>
);

/** In the place of what cannot be had while the server is gone; the page says that it is. */
export const WaitingForServer = ({ onRetry }: { onRetry: () => void }) => (
  <EmptyState icon={CloudOff} title="Waiting for the server" action={<Button onClick={onRetry}>Try now</Button>}>
    What belongs here is shown when it can be reached.
  </EmptyState>
);

/** What went wrong with loading something, and the way to try again. */
export const LoadError = ({
  error,
  onRetry,
  title = "This could not be loaded",
  details,
}: {
  error: unknown;
  onRetry: () => void;
  title?: string;
  /** What helps those who look for the cause, to be copied. */
  details?: () => string;
}) => {
  if (isUnanswered(error)) return <WaitingForServer onRetry={onRetry} />;
  const isLost = isLostPart(error);
  return (
    <div role="alert" className="flex flex-col items-center gap-2 px-6 py-10 text-center">
      <span className="mb-1 grid size-10 place-items-center rounded-full bg-bad-soft text-bad">
        <CircleAlert aria-hidden className="size-5" />
      </span>
      <p className="text-base font-medium">{title}</p>
      <p className="max-w-lg text-pretty text-ink-soft [overflow-wrap:anywhere]">{describeError(error)}</p>
      <div className="mt-3 flex flex-wrap justify-center gap-2">
        {isLost && (
          <Button tone="primary" onClick={() => location.reload()}>
            Reload the page
          </Button>
        )}
        <Button onClick={onRetry}>
          <RotateCw aria-hidden className="size-3.5" /> Try again
        </Button>
        {details !== undefined && !isLost && <CopyTextButton text={details} label="Copy details" />}
      </div>
    </div>
  );
};

/** Grey bars in the place of what is still loading. */
export const Skeleton = ({ rows = 4, className }: { rows?: number; className?: string }) => (
  <div className={classes("flex flex-col gap-3 p-4", className)}>
    <span className="sr-only" role="status">
      Loading
    </span>
    {Array.from({ length: rows }, (_, index) => `bar ${index}`).map((key, index) => (
      <div
        key={key}
        aria-hidden
        className="h-4 animate-pulse rounded bg-hover"
        style={{ width: `${[92, 68, 80, 55][index % 4]}%` }}
      />
    ))}
  </div>
);

const NOTICE_TONES = {
  info: "border-accent/25 bg-accent-soft",
  warn: "border-warn/30 bg-warn-soft",
  bad: "border-bad/30 bg-bad-soft",
} as const;

/** A coloured box with something that the person should know. */
export const Notice = ({
  tone = "info",
  icon: Icon,
  children,
  className,
}: {
  tone?: keyof typeof NOTICE_TONES;
  icon?: LucideIcon;
  children: ReactNode;
  className?: string;
}) => (
  <div className={classes("flex gap-2.5 rounded-lg border px-3.5 py-3", NOTICE_TONES[tone], className)}>
    {Icon !== undefined && (
      <Icon
        aria-hidden
        className={classes("mt-0.5 size-4 shrink-0", { info: "text-accent", warn: "text-warn", bad: "text-bad" }[tone])}
      />
    )}
    <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">{children}</div>
  </div>
);
