import type { EnvironmentId, ListedRun } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../api/client.ts";
import { repositoryAt } from "../runs/repositories.ts";
import { RunLink } from "../runs/run-link.tsx";
import { RunBadge } from "../runs/status.tsx";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Section } from "../ui/layout.tsx";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago } from "../ui/time.tsx";

const SHOWN = 5;
const LOOK_EVERY_MS = 5000;

const Row = ({ run }: { run: ListedRun }) => {
  // Of other ends the run's own page tells; that its set-up failed is what is to be mended here.
  const why = run.reason === "setup_failed" ? (run.outcome?.sentence ?? "") : "";
  return (
    <li className="relative flex flex-col gap-1 px-4 py-2.5 transition-colors hover:bg-hover">
      <div className="flex min-w-0 items-center gap-2">
        <RunBadge run={run} />
        <span className="nums ml-auto shrink-0 text-xs text-ink-faint">
          <Ago at={run.createdAt} />
        </span>
      </div>
      <RunLink run={run} />
      <TailPath text={repositoryAt(run)} className="text-xs text-ink-soft" />
      {why !== "" && <p className="text-xs [overflow-wrap:anywhere] text-bad">{why}</p>}
    </li>
  );
};

/** The runs that were launched last with an environment, so that one sees here whether its set-up works. */
export const LatestRuns = ({ id }: { id: EnvironmentId }) => {
  const { trpc } = useApi();
  const latest = useQuery(trpc.runs.page.queryOptions({ environmentId: id, limit: SHOWN }, { refetchInterval: LOOK_EVERY_MS }));
  return (
    <Section
      heading="Latest runs"
      action={
        latest.data !== undefined &&
        latest.data.runs.length > 0 && (
          <Link to="/runs" search={{ env: id }} className="rounded text-xs font-medium text-accent hover:underline">
            All runs
          </Link>
        )
      }
    >
      <Card>
        {latest.data === undefined ? (
          latest.error === null ? (
            <Skeleton rows={2} />
          ) : (
            <LoadError error={latest.error} onRetry={() => latest.refetch()} />
          )
        ) : latest.data.runs.length === 0 ? (
          <p className="p-4 text-pretty text-ink-soft">
            None yet. Choose it in a launch or in a task, or name a repository below whose runs all have it.
          </p>
        ) : (
          <ul className="divide-y divide-line">
            {latest.data.runs.map((run) => (
              <Row key={run.id} run={run} />
            ))}
          </ul>
        )}
      </Card>
    </Section>
  );
};
