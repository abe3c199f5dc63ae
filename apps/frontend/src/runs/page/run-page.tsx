import { isFinal, type Run, RunId, type RunView } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { lazy, type ReactNode, Suspense, useEffect, useLayoutEffect, useRef } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { NotFound } from "../../app/not-found.tsx";
import { classes } from "../../ui/classes.ts";
import { ErrorBoundary } from "../../ui/error-boundary.tsx";
import { LoadError, Skeleton } from "../../ui/feedback.tsx";
import { useWide } from "../../ui/use-wide.ts";
import { lookOf } from "../status.tsx";
import { TABS, type Tab } from "../tabs.ts";
import { ConnectionBadge } from "./connection-badge.tsx";
import { asTold } from "./now.ts";
import { useRunActions } from "./run-actions.ts";
import { RunHeader } from "./run-header.tsx";
import { StepsRail } from "./steps-rail.tsx";
import { type RunStream, type StreamActions, useRunStream } from "./use-run-stream.ts";

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

const railOf = ({ transcript, earlier }: RunStream) => ({
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

const RunTabs = ({ run, stream }: TabProps) => {
  const search = useSearch({ from: "/runs/$runId" });
  const wide = useWide();
  // With room for columns the steps stand beside every tab.
  const tab = search.tab === undefined || (wide && search.tab === "steps") ? "transcript" : search.tab;
  const navigate = useNavigate({ from: "/runs/$runId" });
  const choose = (value: string): void => {
    const next = value === "steps" ? "steps" : TABS.find((known) => known === value);
    void navigate({ search: next === undefined || next === "transcript" ? {} : { tab: next }, replace: true });
  };
  const trigger = (name: Tab | "steps", badge: ReactNode = null): ReactNode => (
    <Tabs.Trigger
      key={name}
      value={name}
      className={classes(
        "inset-ring-focus flex h-10 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-2.5 text-sm sm:px-3 font-medium text-ink-soft hover:text-ink",
        "data-[state=active]:border-accent data-[state=active]:text-ink",
      )}
    >
      {LABELS[name]}
      {badge}
    </Tabs.Trigger>
  );
  const { refusedCount } = stream.transcript;
  const list = useRef<HTMLDivElement>(null);
  // On a small screen not all of them have room; the one that is open is seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tab is what is brought into sight
  useLayoutEffect(() => {
    const open = list.current?.querySelector("[data-state=active]");
    open?.scrollIntoView({ inline: "center", block: "nearest" });
  }, [tab, wide]);
  return (
    <Tabs.Root value={tab} onValueChange={choose} activationMode="manual" className="flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex items-center border-b border-line bg-page pr-3">
        <Tabs.List
          ref={list}
          aria-label="What is shown of the run"
          className="fade-end relative flex min-w-0 flex-1 overflow-x-auto pr-6 pl-1 [scrollbar-width:none] sm:pl-2"
        >
          {!wide && trigger("steps")}
          {trigger("transcript")}
          {trigger("changes")}
          {trigger("files")}
          {trigger("terminal")}
          {trigger(
            "network",
            refusedCount > 0 && (
              <span className="nums rounded-full bg-warn-soft px-1.5 text-2xs font-semibold text-warn">
                {refusedCount}
                <span className="sr-only"> refused</span>
              </span>
            ),
          )}
          {trigger("usage")}
          {trigger("raw")}
        </Tabs.List>
        <ConnectionBadge connection={stream.connection} problem={stream.problem} onRetry={stream.retry} />
      </div>
      <Tabs.Content value={tab} tabIndex={-1} className="flex min-h-0 flex-1 flex-col overflow-y-auto outline-none">
        <ErrorBoundary name={LABELS[tab].toLowerCase()} resetKey={tab}>
          <Suspense fallback={<Skeleton rows={6} />}>{panel(tab, { run, stream })}</Suspense>
        </ErrorBoundary>
      </Tabs.Content>
    </Tabs.Root>
  );
};

const LoadedRun = ({ run: asked }: { run: RunView }) => {
  const { trpc, queries } = useApi();
  const stream = useRunStream(asked.id, asked.lastSeq);
  const run = asTold(asked, stream.transcript.ending);
  const { status, steps } = stream.transcript;
  const wide = useWide();
  usePreloadedTabs();
  useRunActions(run);
  // A message that says that the run moved is newer than what was asked for before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: status and steps are what is watched
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: trpc.runs.byId.queryKey({ id: run.id }) });
  }, [status, steps.size, queries, trpc, run.id]);
  return (
    <div className="flex h-full flex-col">
      <title>{`${lookOf(run).mark} ${run.taskName} – run`}</title>
      <RunHeader run={run} activity={stream.transcript.activity} />
      <div className="flex min-h-0 flex-1">
        {wide && (
          <aside className="w-72 shrink-0 overflow-y-auto border-r border-line" aria-label="Steps">
            <ErrorBoundary name="list of steps">
              <StepsRail run={run} {...railOf(stream)} />
            </ErrorBoundary>
          </aside>
        )}
        <RunTabs run={run} stream={stream} />
      </div>
    </div>
  );
};

const RunById = ({ id }: { id: RunId }) => {
  const { trpc } = useApi();
  const query = useQuery(
    trpc.runs.byId.queryOptions(
      { id },
      { refetchInterval: ({ state }) => (state.data !== undefined && isFinal(state.data.status) ? false : 2000) },
    ),
  );
  if (query.data !== undefined) return <LoadedRun key={query.data.id} run={query.data} />;
  if (statusOf(query.error) === 404) return <NotFound what="run" to="/runs" label="See all runs" />;
  if (query.error !== null) return <LoadError error={query.error} onRetry={() => query.refetch()} />;
  return <Skeleton className="mx-auto max-w-5xl p-8" />;
};

/** Everything about one run. */
export const RunPage = () => {
  const { runId } = useParams({ from: "/runs/$runId" });
  const id = RunId.safeParse(runId);
  return id.success ? <RunById id={id.data} /> : <NotFound what="run" to="/runs" label="See all runs" />;
};
