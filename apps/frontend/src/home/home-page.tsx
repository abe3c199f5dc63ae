import type { RunsOverview } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { CircleAlert, ListChecks, Plus, Rocket } from "lucide-react";
import { useApi } from "../api/client.ts";
import { useServerInfo } from "../api/server-info.ts";
import { LaunchForm } from "../launch/launch-form.tsx";
import { RunRow } from "../runs/run-row.tsx";
import { buttonClasses } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { ErrorBoundary } from "../ui/error-boundary.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page, Section } from "../ui/layout.tsx";
import { Composer } from "./composer.tsx";
import { DemoBanner } from "./demo-banner.tsx";
import { NeedsYou } from "./needs-you.tsx";
import { Queued, RunningNow } from "./running-now.tsx";
import type { HomeSearch } from "./search.ts";

const BUSY_MS = 2000;
const QUIET_MS = 10_000;
const RECENT_SHOWN = 8;

const isBusy = (overview: RunsOverview | undefined): boolean =>
  overview !== undefined && overview.runningTotal + overview.queued.total + overview.waiting.length > 0;

const WAYS: readonly { search: HomeSearch; label: string }[] = [
  { search: {}, label: "In a few words" },
  { search: { launch: "task" }, label: "A task" },
];

const WayLinks = ({ search }: { search: HomeSearch }) => (
  <nav aria-label="What to launch" className="flex gap-1">
    {WAYS.map(({ search: way, label }) => (
      <Link
        key={label}
        to="/"
        search={way}
        activeOptions={{ exact: true }}
        aria-current={way.launch === search.launch ? "true" : undefined}
        className={classes(
          "inline-flex h-7 items-center rounded-full px-3 text-xs font-medium transition-colors",
          way.launch === search.launch ? "bg-ink text-page" : "text-ink-soft hover:bg-hover hover:text-ink",
        )}
      >
        {label}
      </Link>
    ))}
  </nav>
);

const TaskLaunch = () => {
  const { trpc } = useApi();
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  if (tasks.data === undefined)
    return tasks.error === null ? (
      <Skeleton rows={2} className="p-0" />
    ) : (
      <LoadError error={tasks.error} onRetry={() => tasks.refetch()} />
    );
  if (tasks.data.length > 0) return <LaunchForm tasks={tasks.data} wide />;
  return (
    <EmptyState
      icon={ListChecks}
      title="First, a task"
      action={
        <Link to="/tasks/new" className={buttonClasses("primary")}>
          <Plus aria-hidden className="size-3.5" /> New task
        </Link>
      }
    >
      A task says what Claude Code is to do and how to check that it did. It is written once and launched as often as you like.
    </EmptyState>
  );
};

const Recent = ({ overview }: { overview: RunsOverview }) => {
  const recent = overview.recent.slice(0, RECENT_SHOWN);
  if (recent.length > 0)
    return (
      <Card className="overflow-hidden">
        <ul className="divide-y divide-line">
          {recent.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </ul>
      </Card>
    );
  const goesOn = isBusy(overview);
  return (
    <Card>
      <EmptyState icon={goesOn ? CircleAlert : Rocket} title={goesOn ? "None has ended yet" : "No runs yet"}>
        {goesOn
          ? "What runs now will be listed here when it has ended."
          : "Say above what is to be done and in which repository, and start it. Claude Code works in a sandbox, and what comes of it is told here."}
      </EmptyState>
    </Card>
  );
};

/** What needs somebody, what goes on, what came of it, and where to start something new. */
export const HomePage = () => {
  const { trpc } = useApi();
  const info = useServerInfo();
  const search = useSearch({ from: "/" });
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  const overview = useQuery(
    trpc.runs.overview.queryOptions(undefined, { refetchInterval: ({ state }) => (isBusy(state.data) ? BUSY_MS : QUIET_MS) }),
  );
  const { data } = overview;
  const running = data?.runningTotal ?? 0;
  return (
    <Page title={running > 0 ? `${running} running` : "Home"} heading="Home">
      {info?.demo === true && tasks.data !== undefined && <DemoBanner info={info} tasks={tasks.data} />}
      {data !== undefined && (
        <ErrorBoundary name="what needs you">
          <NeedsYou overview={data} />
        </ErrorBoundary>
      )}
      <Section heading="Launch" action={<WayLinks search={search} />}>
        <Card className="p-4 sm:p-5">{search.launch === "task" ? <TaskLaunch /> : <Composer />}</Card>
      </Section>
      {data !== undefined && running > 0 && (
        <Section heading="Running now">
          <RunningNow running={data.running} total={running} />
        </Section>
      )}
      {data !== undefined && data.queued.total > 0 && (
        <Section heading="Queued">
          <Queued queued={data.queued} />
        </Section>
      )}
      <Section
        heading="Recent results"
        action={
          <Link to="/runs" className="rounded text-xs font-medium text-accent hover:underline">
            All runs
          </Link>
        }
      >
        {data === undefined ? (
          <Card>
            {overview.error === null ? <Skeleton /> : <LoadError error={overview.error} onRetry={() => overview.refetch()} />}
          </Card>
        ) : (
          <Recent overview={data} />
        )}
      </Section>
    </Page>
  );
};
