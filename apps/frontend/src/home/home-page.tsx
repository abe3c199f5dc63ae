import { isFinal, type RunView } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleAlert, ListChecks, Plus, Rocket } from "lucide-react";
import { useApi } from "../api/client.ts";
import { useServerInfo } from "../api/server-info.ts";
import { LaunchForm } from "../launch/launch-form.tsx";
import { RunRow } from "../runs/run-row.tsx";
import { anyUnfinished } from "../runs/status.tsx";
import { buttonClasses } from "../ui/button.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page, Section } from "../ui/layout.tsx";
import { DemoBanner } from "./demo-banner.tsx";

const RunCard = ({ runs }: { runs: readonly RunView[] }) => (
  <Card className="overflow-hidden">
    <ul className="divide-y divide-line">
      {runs.map((run) => (
        <RunRow key={run.id} run={run} />
      ))}
    </ul>
  </Card>
);

/** What goes on, what came of it, and where to start something new. */
export const HomePage = () => {
  const { trpc } = useApi();
  const info = useServerInfo();
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  const runs = useQuery(
    trpc.runs.list.queryOptions(
      { limit: 30 },
      { refetchInterval: ({ state }) => (anyUnfinished(state.data ?? []) ? 2000 : 15_000) },
    ),
  );
  const running = (runs.data ?? []).filter(({ status }) => !isFinal(status));
  const ended = (runs.data ?? []).filter(({ status }) => isFinal(status)).slice(0, 8);
  return (
    <Page title={running.length > 0 ? `${running.length} running` : "Home"} heading="Home">
      {info?.demo === true && tasks.data !== undefined && <DemoBanner info={info} tasks={tasks.data} />}
      <Section heading="Launch a task">
        <Card className="p-4 sm:p-5">
          {tasks.data === undefined ? (
            tasks.error === null ? (
              <Skeleton rows={2} className="p-0" />
            ) : (
              <LoadError error={tasks.error} onRetry={() => tasks.refetch()} />
            )
          ) : tasks.data.length === 0 ? (
            <EmptyState
              icon={ListChecks}
              title="First, a task"
              action={
                <Link to="/tasks/new" className={buttonClasses("primary")}>
                  <Plus aria-hidden className="size-3.5" /> New task
                </Link>
              }
            >
              A task says what Claude Code is to do and how to check that it did. It is written once and launched as often as you
              like.
            </EmptyState>
          ) : (
            <LaunchForm tasks={tasks.data} wide />
          )}
        </Card>
      </Section>
      {running.length > 0 && (
        <Section heading="Running now">
          <RunCard runs={running} />
        </Section>
      )}
      <Section
        heading="Recent runs"
        action={
          <Link to="/runs" className="rounded text-xs font-medium text-accent hover:underline">
            All runs
          </Link>
        }
      >
        {runs.data === undefined ? (
          <Card>{runs.error === null ? <Skeleton /> : <LoadError error={runs.error} onRetry={() => runs.refetch()} />}</Card>
        ) : ended.length > 0 ? (
          <RunCard runs={ended} />
        ) : (
          <Card>
            <EmptyState
              icon={runs.data.length > 0 ? CircleAlert : Rocket}
              title={runs.data.length > 0 ? "None has ended yet" : "No runs yet"}
            >
              {runs.data.length > 0
                ? "What runs now will be listed here when it has ended."
                : "Choose a task and a repository above, and launch it."}
            </EmptyState>
          </Card>
        )}
      </Section>
    </Page>
  );
};
