import type { Run } from "@ccr/protocol";
import { Link, useSearch } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useLayoutEffect, useRef } from "react";
import { classes } from "../../ui/classes.ts";
import { ErrorBoundary } from "../../ui/error-boundary.tsx";
import { Skeleton } from "../../ui/feedback.tsx";
import { useWide } from "../../ui/use-wide.ts";
import { TABS, type Tab } from "../tabs.ts";
import { ConnectionBadge } from "./connection-badge.tsx";
import { StepsRail } from "./steps-rail.tsx";
import type { RunStream, StreamActions } from "./use-run-stream.ts";

const importTranscript = () => import("../transcript/transcript.tsx").then(({ TranscriptView }) => ({ default: TranscriptView }));
const importChanges = () => import("../changes/changes.tsx").then(({ ChangesView }) => ({ default: ChangesView }));
const importFiles = () => import("../files/files-view.tsx").then(({ FilesView }) => ({ default: FilesView }));
const importTerminal = () => import("../terminal/terminal-view.tsx").then(({ TerminalView }) => ({ default: TerminalView }));
const importNetwork = () => import("../network/network.tsx").then(({ NetworkView }) => ({ default: NetworkView }));
const importTalk = () => import("../talk/talk-bar.tsx").then(({ TalkBar }) => ({ default: TalkBar }));
const importDraft = () => import("../talk/draft.tsx").then(({ Draft }) => ({ default: Draft }));
const importRaw = () => import("../raw/raw.tsx").then(({ RawView }) => ({ default: RawView }));
// Asked for together with this page, which shows the run's state before it is there.
const firstTranscript = importTranscript();
firstTranscript.catch(() => {});
const TranscriptView = lazy(() => firstTranscript.catch(importTranscript));
const importUsage = () => import("../usage/usage.tsx").then(({ UsageView }) => ({ default: UsageView }));
const ChangesView = lazy(importChanges);
const FilesView = lazy(importFiles);
const TerminalView = lazy(importTerminal);
const NetworkView = lazy(importNetwork);
const TalkBar = lazy(importTalk);
const Draft = lazy(importDraft);
const RawView = lazy(importRaw);
const UsageView = lazy(importUsage);

const PRELOAD_MS = 3000;

/** Fetches the other tabs beforehand, so that opening one needs no server any more. */
const usePreloadedTabs = (): void => {
  useEffect(() => {
    const timer = setTimeout(() => {
      // A tab that cannot be had now is fetched when it is opened.
      for (const load of [importChanges, importFiles, importTerminal, importNetwork, importUsage, importRaw])
        load().catch(() => {});
    }, PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
};

type TabProps = { run: Run; stream: RunStream & StreamActions };

const LABELS: Record<Tab | "steps", string> = {
  steps: "Steps",
  transcript: "Transcript",
  changes: "Changes",
  files: "Files",
  terminal: "Terminal",
  network: "Network",
  usage: "Usage",
  raw: "Raw",
};

const Conversation = ({ run, stream }: TabProps) => (
  <>
    <TranscriptView
      key={run.id}
      run={run}
      stream={stream}
      tail={
        <Suspense fallback={null}>
          <Draft key={run.id} run={run} lastSeq={stream.transcript.lastSeq} />
        </Suspense>
      }
    />
    <ErrorBoundary name="place to talk">
      <Suspense fallback={null}>
        <TalkBar key={run.id} run={run} />
      </Suspense>
    </ErrorBoundary>
  </>
);

export const railOf = ({ transcript, earlier }: RunStream) => ({
  steps: transcript.steps,
  todos: transcript.todos,
  isPart: earlier !== null,
});

const panel = (tab: Tab | "steps", { run, stream }: TabProps): ReactNode => {
  switch (tab) {
    case "steps":
      return <StepsRail run={run} {...railOf(stream)} />;
    case "transcript":
      return <Conversation run={run} stream={stream} />;
    case "changes":
      return <ChangesView run={run} />;
    case "files":
      return <FilesView run={run} />;
    case "terminal":
      return <TerminalView run={run} />;
    case "network":
      return <NetworkView run={run} />;
    case "usage":
      return <UsageView run={run} stream={stream} />;
    case "raw":
      return <RawView run={run} count={stream.transcript.lastSeq} />;
  }
};

/** The tabs are links: a tab can be opened beside, and its address sent to somebody. */
const TabLink = ({ name, isOpen, children }: { name: Tab | "steps"; isOpen: boolean; children?: ReactNode }) => (
  <Link
    from="/runs/$runId"
    to="."
    search={name === "transcript" ? {} : { tab: name }}
    replace
    resetScroll={false}
    // By itself it takes an address that says more for its own.
    activeOptions={{ exact: true }}
    aria-current={isOpen ? "page" : undefined}
    className={classes(
      "inset-ring-focus flex h-10 shrink-0 items-center gap-1.5 border-b-2 px-2.5 text-sm font-medium sm:px-3",
      isOpen ? "border-accent text-ink" : "border-transparent text-ink-soft hover:text-ink",
    )}
  >
    {LABELS[name]}
    {children}
  </Link>
);

/** What is shown of a run: one tab of it, as the address says. */
export const RunTabs = ({ run, stream }: TabProps) => {
  const search = useSearch({ from: "/runs/$runId" });
  const wide = useWide();
  usePreloadedTabs();
  // With room for columns the steps stand beside every tab.
  const tab = search.tab === undefined || (wide && search.tab === "steps") ? "transcript" : search.tab;
  const { refusedCount } = stream.transcript;
  const list = useRef<HTMLElement>(null);
  // On a small screen not all of them have room; the one that is open is seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tab is what is brought into sight
  useLayoutEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  }, [tab, wide]);
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex items-center border-b border-line bg-page pr-3">
        <nav
          ref={list}
          aria-label="What is shown of the run"
          className="fade-end relative flex min-w-0 flex-1 overflow-x-auto pr-6 pl-1 [scrollbar-width:none] sm:pl-2"
        >
          {(wide ? TABS : ["steps" as const, ...TABS]).map((name) => (
            <TabLink key={name} name={name} isOpen={name === tab}>
              {name === "network" && refusedCount > 0 && (
                <span className="nums rounded-full bg-warn-soft px-1.5 text-2xs font-semibold text-warn">
                  {refusedCount}
                  <span className="sr-only"> refused</span>
                </span>
              )}
            </TabLink>
          ))}
        </nav>
        <ConnectionBadge connection={stream.connection} problem={stream.problem} onRetry={stream.retry} />
      </div>
      <section aria-label={LABELS[tab]} className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <ErrorBoundary name={LABELS[tab].toLowerCase()} resetKey={tab}>
          <Suspense fallback={<Skeleton rows={6} />}>{panel(tab, { run, stream })}</Suspense>
        </ErrorBoundary>
      </section>
    </div>
  );
};
