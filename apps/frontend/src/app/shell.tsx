import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Box, HardDrive, House, Layers, ListChecks, type LucideIcon, Package, Play } from "lucide-react";
import { useEffect, useRef } from "react";
import { useServerInfo } from "../api/server-info.ts";
import { useUnreachable } from "../api/use-unreachable.ts";
import { classes } from "../ui/classes.ts";
import { ErrorBoundary } from "../ui/error-boundary.tsx";
import { FrozenClock } from "../ui/time.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { UnreachableBanner } from "./unreachable-banner.tsx";
import { useGoKeys } from "./use-go-keys.ts";
import { useHeartbeat } from "./use-heartbeat.ts";
import { Wordmark } from "./wordmark.tsx";

const PLACES: readonly {
  to: "/" | "/tasks" | "/runs" | "/batches" | "/environments" | "/instances" | "/disk";
  label: string;
  icon: LucideIcon;
  keys: string;
}[] = [
  { to: "/", label: "Home", icon: House, keys: "g h" },
  { to: "/tasks", label: "Tasks", icon: ListChecks, keys: "g t" },
  { to: "/runs", label: "Runs", icon: Play, keys: "g r" },
  { to: "/batches", label: "Batches", icon: Layers, keys: "g b" },
  { to: "/environments", label: "Environments", icon: Package, keys: "g e" },
  { to: "/instances", label: "Instances", icon: Box, keys: "g i" },
  { to: "/disk", label: "Disk", icon: HardDrive, keys: "g d" },
];

const NavLinks = ({ compact }: { compact: boolean }) => (
  <ul className={compact ? "flex" : "flex flex-col gap-0.5"}>
    {PLACES.map(({ to, label, icon: Icon, keys }) => (
      // Each takes what its name needs, and its share of the rest.
      <li key={to} className={compact ? "flex-auto" : undefined}>
        <Link
          to={to}
          activeOptions={{ exact: to === "/", includeSearch: false }}
          title={compact ? undefined : `${label} (${keys})`}
          className={classes(
            "inset-ring-focus flex items-center transition-colors",
            compact ? "flex-col gap-0.5 py-2 text-2xs" : "h-8 gap-2.5 rounded-md px-2.5 font-medium",
          )}
          activeProps={{ className: compact ? "text-accent font-medium" : "bg-hover text-ink" }}
          inactiveProps={{ className: compact ? "text-ink-soft" : "text-ink-soft hover:bg-hover hover:text-ink" }}
        >
          <Icon aria-hidden className={compact ? "size-4.5" : "size-4"} />
          {label}
        </Link>
      </li>
    ))}
  </ul>
);

const ServerLine = () => {
  const data = useServerInfo();
  if (data === undefined) return null;
  return (
    <p className="text-2xs text-ink-faint" title={data.driver.sentence}>
      {data.driver.name} · v{data.version}
    </p>
  );
};

/** By then the first page is there and has asked for what it shows. */
const SETTLED_MS = 3000;

/** The frame of every page: where one can go, and the page itself. `onSettled` is called once, when the first page is there. */
export const Shell = ({ onSettled }: { onSettled: () => void }) => {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useGoKeys();
  useEffect(() => {
    // A new page is announced and read from its start, as a loaded one would be.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path]);
  const unreachable = useUnreachable();
  useHeartbeat();
  useEffect(() => {
    const timer = setTimeout(onSettled, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [onSettled]);
  return (
    <FrozenClock value={unreachable?.since ?? null}>
      <div className="flex h-full flex-col lg:flex-row" data-frozen={unreachable === null ? undefined : ""}>
        <a
          href="#main"
          className="sr-only z-50 rounded-md bg-accent px-3 py-2 font-medium text-on-accent focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
        >
          Skip to the page
        </a>
        <header className="hidden w-56 shrink-0 flex-col gap-6 border-r border-line bg-sunken px-3 py-4 lg:flex">
          <Link to="/" className="rounded-md px-2">
            <Wordmark />
          </Link>
          <nav aria-label="Main" className="flex-1">
            <NavLinks compact={false} />
          </nav>
          <div className="flex items-center justify-between gap-2 pl-2.5">
            <ServerLine />
            <ThemeToggle />
          </div>
        </header>
        <header className="flex h-12 shrink-0 items-center justify-between border-b border-line bg-sunken px-4 lg:hidden">
          <Link to="/" className="rounded-md">
            <Wordmark />
          </Link>
          <ThemeToggle />
        </header>
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">
          <UnreachableBanner unreachable={unreachable} />
          <main ref={main} id="main" tabIndex={-1} className="min-h-0 min-w-0 flex-1 outline-none">
            <ErrorBoundary name="page" resetKey={path}>
              <Outlet />
            </ErrorBoundary>
          </main>
        </div>
        <nav aria-label="Main" className="shrink-0 border-t border-line bg-sunken pb-[env(safe-area-inset-bottom)] lg:hidden">
          <NavLinks compact />
        </nav>
      </div>
    </FrozenClock>
  );
};
