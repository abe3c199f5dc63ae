import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { useServerInfo } from "../api/server-info.ts";
import { useUnreachable } from "../api/use-unreachable.ts";
import { ActionsContext, createActions } from "../palette/actions.ts";
import { IconButton } from "../ui/button.tsx";
import { preloadConfirm } from "../ui/confirm.tsx";
import { ErrorBoundary } from "../ui/error-boundary.tsx";
import { keepFocus } from "../ui/focus.ts";
import { FrozenClock } from "../ui/time.tsx";
import { preloadToasts, useToasts } from "../ui/toast.tsx";
import { ConnectionState, NewVersion } from "./connection.tsx";
import { NavList, NavRow } from "./nav-links.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { UnreachableBanner } from "./unreachable-banner.tsx";
import { useHeartbeat } from "./use-heartbeat.ts";
import { useKeys } from "./use-keys.ts";
import { Wordmark } from "./wordmark.tsx";

// None of these is seen at once.
const importPalette = () => import("../palette/palette.tsx").then(({ Palette }) => ({ default: Palette }));
const importKeys = () => import("./keys-dialog.tsx").then(({ KeysDialog }) => ({ default: KeysDialog }));
// Without it the page does all else.
const importNotifier = (): Promise<{ default: () => ReactNode }> =>
  import("../notifications/notifier.tsx").then(
    ({ Notifier }) => ({ default: Notifier }),
    () => ({ default: () => null }),
  );
const Palette = lazy(importPalette);
const KeysDialog = lazy(importKeys);
const Notifier = lazy(importNotifier);

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
  const [actions] = useState(createActions);
  const [open, setOpen] = useState<"palette" | "keys" | null>(null);
  const [isSettled, setSettled] = useState(false);
  const toasts = useToasts();
  const openPalette = useCallback(() => void importPalette().then(() => setOpen("palette"), toasts.error), [toasts]);
  const openHelp = useCallback(() => void importKeys().then(() => setOpen("keys"), toasts.error), [toasts]);
  const close = (isOpen: boolean): void => {
    if (!isOpen) setOpen(null);
  };
  useKeys({ openPalette, openHelp });
  useEffect(keepFocus, []);
  useEffect(() => {
    // A new page is announced and read from its start, as a loaded one would be.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path]);
  const unreachable = useUnreachable();
  useHeartbeat();
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(true);
      onSettled();
      // What cannot be had now is fetched when it is opened.
      for (const load of [importPalette, importKeys]) load().catch(() => {});
      preloadToasts();
      preloadConfirm();
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [onSettled]);
  return (
    <FrozenClock value={unreachable?.since ?? null}>
      <ActionsContext value={actions}>
        <div className="flex h-full flex-col lg:flex-row" data-frozen={unreachable === null ? undefined : ""}>
          <a
            href="#main"
            className="sr-only z-50 rounded-md bg-accent px-3 py-2 font-medium text-on-accent focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
          >
            Skip to the page
          </a>
          <header className="hidden w-56 shrink-0 flex-col gap-5 border-r border-line bg-sunken px-3 py-4 lg:flex">
            <Link to="/" className="rounded-md px-2">
              <Wordmark />
            </Link>
            <button
              type="button"
              onClick={openPalette}
              aria-keyshortcuts="Control+K Meta+K"
              className="flex h-8 items-center gap-2.5 rounded-md border border-line-strong bg-surface px-2.5 text-ink-soft hover:bg-hover hover:text-ink"
            >
              <Search aria-hidden className="size-4" />
              <span className="flex-1 text-left">Search</span>
              <kbd className="code text-2xs text-ink-faint">Ctrl K</kbd>
            </button>
            <nav aria-label="Main" className="flex-1">
              <NavList />
            </nav>
            <div className="flex items-end justify-between gap-2 pl-2.5">
              <div className="flex min-w-0 flex-col gap-0.5">
                <ConnectionState />
                <ServerLine />
              </div>
              <ThemeToggle />
            </div>
          </header>
          <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line bg-sunken px-4 lg:hidden">
            <Link to="/" className="rounded-md">
              <Wordmark />
            </Link>
            <ConnectionState className="ml-auto justify-end" />
            <IconButton label="Search and commands" onClick={openPalette}>
              <Search aria-hidden className="size-4" />
            </IconButton>
          </header>
          <div className="flex min-h-0 min-w-0 flex-1 flex-col">
            <UnreachableBanner unreachable={unreachable} />
            <NewVersion />
            <Suspense fallback={null}>{isSettled && <Notifier />}</Suspense>
            <main ref={main} id="main" tabIndex={-1} className="relative min-h-0 min-w-0 flex-1 overflow-clip outline-none">
              <ErrorBoundary name="page" resetKey={path}>
                <Outlet />
              </ErrorBoundary>
            </main>
          </div>
          <nav aria-label="Main" className="shrink-0 border-t border-line bg-sunken pb-[env(safe-area-inset-bottom)] lg:hidden">
            <NavRow />
          </nav>
        </div>
        <Suspense fallback={null}>
          {open === "palette" && <Palette open onOpenChange={close} onHelp={openHelp} />}
          {open === "keys" && <KeysDialog open onOpenChange={close} />}
        </Suspense>
      </ActionsContext>
    </FrozenClock>
  );
};
