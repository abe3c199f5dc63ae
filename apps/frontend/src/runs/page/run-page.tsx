import { isFinal, RunId, type RunView } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { NotFound } from "../../app/not-found.tsx";
import { QuietPart } from "../../ui/boundary.tsx";
import { ErrorBoundary } from "../../ui/error-boundary.tsx";
import { LoadError, Skeleton } from "../../ui/feedback.tsx";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { useSettled } from "../../ui/use-settled.ts";
import { useWide } from "../../ui/use-wide.ts";
import { lookOf } from "../status.tsx";
import { asTold } from "./now.ts";
import { RunHeader } from "./run-header.tsx";
import { RunTabs, railOf } from "./run-tabs.tsx";
import { StepsRail } from "./steps-rail.tsx";
import { useAsCanceled } from "./use-cancel.ts";
import { useRunStream } from "./use-run-stream.ts";

// For the palette alone, which few open on this page.
const RunActions = lazyPart(() => import("./run-actions.tsx").then(({ RunActions }) => RunActions));

const LoadedRun = ({ run: asked }: { run: RunView }) => {
  const { trpc, queries } = useApi();
  const stream = useRunStream(asked.id, asked.lastSeq);
  const run = useAsCanceled(asTold(asked, stream.transcript.ending));
  const { status, steps } = stream.transcript;
  const wide = useWide();
  const isSettled = useSettled();
  // A message that says that the run moved is newer than what was asked for before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: status and steps are what is watched
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: trpc.runs.byId.queryKey({ id: run.id }) });
  }, [status, steps.size, queries, trpc, run.id]);
  return (
    <div className="flex h-full flex-col">
      <title>{`${lookOf(run).mark} ${run.taskName} – run`}</title>
      {isSettled && (
        <QuietPart name="actions of the palette">
          <RunActions run={run} />
        </QuietPart>
      )}
      <ErrorBoundary name="head of the run">
        <RunHeader run={run} activity={stream.transcript.activity} />
      </ErrorBoundary>
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
