import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { ErrorBoundary } from "./error-boundary.tsx";

/** A page that scrolls as a whole, with its heading and what can be done here. What fails below the heading stays there. */
export const Page = ({
  title,
  heading,
  intro,
  back,
  actions,
  children,
  width = "max-w-5xl",
}: {
  /** Of the browser's tab. */
  title: string;
  heading: ReactNode;
  intro?: ReactNode;
  /** Where one comes from, above the heading. */
  back?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  width?: string;
}) => (
  // What is there for screen readers alone has its place in here, and makes no frame around the page longer.
  <div className="relative h-full scroll-pb-20 overflow-y-auto lg:[scrollbar-gutter:stable]">
    <title>{`${title} – claude-code-runner`}</title>
    <div className={classes("mx-auto flex w-full flex-col gap-6 px-4 pt-6 pb-16 sm:px-8 sm:pt-8", width)}>
      <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          {back !== undefined && <p className="mb-1.5">{back}</p>}
          <h1 className="text-xl font-semibold tracking-tight text-balance">{heading}</h1>
          {intro !== undefined && <p className="mt-1 max-w-2xl text-pretty text-ink-soft">{intro}</p>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      <ErrorBoundary name={title}>{children}</ErrorBoundary>
    </div>
  </div>
);

/** A part of a page with a heading above it. What fails in it leaves the other parts alone. */
export const Section = ({
  heading,
  count,
  action,
  children,
  id,
}: {
  heading: string;
  /** How many things there are, told beside the heading. */
  count?: number;
  action?: ReactNode;
  children: ReactNode;
  id?: string;
}) => (
  <section id={id} aria-label={heading} className="flex min-w-0 flex-col gap-2.5">
    <div className="flex min-h-7 items-center justify-between gap-3">
      <h2 className="text-base font-semibold">
        {heading} {count !== undefined && <span className="ml-1 font-normal text-ink-faint tabular-nums">{count}</span>}
      </h2>
      {action}
    </div>
    <ErrorBoundary name={heading}>{children}</ErrorBoundary>
  </section>
);

export const Card = ({ children, className }: { children: ReactNode; className?: string }) => (
  <div className={classes("min-w-0 rounded-xl border border-line bg-surface shadow-card", className)}>{children}</div>
);
