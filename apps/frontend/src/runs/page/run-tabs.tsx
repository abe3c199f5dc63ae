import { isFinal, type Run, setsUpAlone } from "@ccr/protocol";
import { Link, useSearch } from "@tanstack/react-router";
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { QuietPart } from "../../ui/boundary.tsx";
import { classes } from "../../ui/classes.ts";
import { Part } from "../../ui/error-boundary.tsx";
import { Skeleton } from "../../ui/feedback.tsx";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { useBeforehand } from "../../ui/use-settled.ts";
import { useWide } from "../../ui/use-wide.ts";
import { TABS, type Tab } from "../tabs.ts";
import { ConnectionBadge } from "./connection-badge.tsx";
import { StepsRail } from "./steps-rail.tsx";
import type { RunStream, StreamActions } from "./use-run-stream.ts";

const TranscriptView = lazyPart(() => import("../transcript/transcript.tsx").then(({ TranscriptView }) => TranscriptView));
// Asked for together with this page, which shows the run's state before it is there.
TranscriptView.preload().catch(() => {});
const ChangesView = lazyPart(() => import("../changes/changes.tsx").then(({ ChangesView }) => ChangesView));
const FilesView = lazyPart(() => import("../files/files-view.tsx").then(({ FilesView }) => FilesView));
const TerminalView = lazyPart(() => import("../terminal/terminal-view.tsx").then(({ TerminalView }) => TerminalView));
const NetworkView = lazyPart(() => import("../network/network.tsx").then(({ NetworkView }) => NetworkView));
const TalkBar = lazyPart(() => import("../talk/talk-bar.tsx").then(({ TalkBar }) => TalkBar));
const Draft = lazyPart(() => import("../talk/draft.tsx").then(({ Draft }) => Draft));
const RawView = lazyPart(() => import("../raw/raw.tsx").then(({ RawView }) => RawView));
const UsageView = lazyPart(() => import("../usage/usage.tsx").then(({ UsageView }) => UsageView));

/** Fetches the other tabs, so that opening one needs no server any more; one that cannot be had now is fetched when it is opened. */
const fetchTabs = (): void => {
  for (const tab of [ChangesView, FilesView, TerminalView, NetworkView, UsageView, RawView]) tab.preload().catch(() => {});
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
    <Part name="transcript" loading={<Skeleton rows={6} />}>
      <TranscriptView
        key={run.id}
        run={run}
        stream={stream}
        tail={
          <QuietPart name="text that is being written">
            <Draft key={run.id} run={run} lastSeq={stream.transcript.lastSeq} />
          </QuietPart>
        }
      />
    </Part>
    {!setsUpAlone(run) && (
      <Part name="place to talk">
        <TalkBar key={run.id} run={run} />
      </Part>
    )}
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

/** Its questions stand below the transcript. */
const WaitsForAnswer = () => (
  <p className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-soft px-4 py-1.5 text-xs">
    Claude Code waits for your answer.
    <Link from="/runs/$runId" to="." search={{}} className="rounded font-medium text-accent underline">
      Answer it
    </Link>
  </p>
);

/** What is shown of a run: one tab of it, as the address says. */
export const RunTabs = ({ run, stream }: TabProps) => {
  const search = useSearch({ from: "/runs/$runId" });
  const wide = useWide();
  useBeforehand(fetchTabs);
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
      {tab !== "transcript" && !isFinal(run.status) && run.questions.length > 0 && <WaitsForAnswer />}
      <section aria-label={LABELS[tab]} className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <Part name={LABELS[tab].toLowerCase()} resetKey={tab} loading={<Skeleton rows={6} />}>
          {panel(tab, { run, stream })}
        </Part>
      </section>
    </div>
  );
};
