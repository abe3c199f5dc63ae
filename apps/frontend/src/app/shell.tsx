import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useServerInfo } from "../api/server-info.ts";
import { useUnreachable } from "../api/use-unreachable.ts";
import { ActionsContext, createActions } from "../palette/actions.ts";
import { QuietPart } from "../ui/boundary.tsx";
import { IconButton } from "../ui/button.tsx";
import { preloadConfirm } from "../ui/confirm.tsx";
import { ErrorBoundary } from "../ui/error-boundary.tsx";
import { keepFocus } from "../ui/focus.ts";
import { lazyPart } from "../ui/lazy-part.tsx";
import { FrozenClock } from "../ui/time.tsx";
import { preloadToasts, useToasts } from "../ui/toast.tsx";
import { useBeforehand } from "../ui/use-settled.ts";
import { ConnectionState, NewVersion } from "./connection.tsx";
import { NavList, NavRow } from "./nav-links.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { UnreachableBanner } from "./unreachable-banner.tsx";
import { useHeartbeat } from "./use-heartbeat.ts";
import { useKeys } from "./use-keys.ts";
import { Wordmark } from "./wordmark.tsx";

// None of these is seen at once.
const Palette = lazyPart(() => import("../palette/palette.tsx").then(({ Palette }) => Palette));
const KeysDialog = lazyPart(() => import("./keys-dialog.tsx").then(({ KeysDialog }) => KeysDialog));
const Notifier = lazyPart(() => import("../notifications/notifier.tsx").then(({ Notifier }) => Notifier));

const ServerLine = () => {
  const data = useServerInfo();
  if (data === undefined) return null;
  return (
    <p className="text-2xs text-ink-faint" title={data.driver.sentence}>
      {data.driver.name} · v{data.version}
    </p>
  );
};

/** What cannot be had now is fetched when it is opened. */
const fetchParts = (): void => {
  for (const part of [Palette, KeysDialog]) part.preload().catch(() => {});
  preloadToasts();
  preloadConfirm();
};

/** The frame of every page: where one can go, and the page itself. `onSettled` is called once, when the first page is there. */
export const Shell = ({ onSettled }: { onSettled: () => void }) => {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  const [actions] = useState(createActions);
  const [open, setOpen] = useState<"palette" | "keys" | null>(null);
  const [isSettled, setSettled] = useState(false);
  const toasts = useToasts();
  const openPalette = useCallback(() => void Palette.preload().then(() => setOpen("palette"), toasts.error), [toasts]);
  const openHelp = useCallback(() => void KeysDialog.preload().then(() => setOpen("keys"), toasts.error), [toasts]);
  const close = (isOpen: boolean): void => {
    if (!isOpen) setOpen(null);
  };
  const failed = (error: unknown): void => {
    setOpen(null);
    toasts.error(error);
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
  useBeforehand(
    useCallback(() => {
      setSettled(true);
      onSettled();
      fetchParts();
    }, [onSettled]),
  );
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
            {isSettled && (
              <QuietPart name="notifications">
                <Notifier />
              </QuietPart>
            )}
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
        <QuietPart name="palette" resetKey={open ?? ""} onFailed={failed}>
          {open === "palette" && <Palette open onOpenChange={close} onHelp={openHelp} />}
          {open === "keys" && <KeysDialog open onOpenChange={close} />}
        </QuietPart>
      </ActionsContext>
    </FrozenClock>
  );
};
