import { isFinal, type Run } from "@ccr/protocol";
import { FileDiff, RotateCw, TriangleAlert } from "lucide-react";
import { statusOf } from "../../api/errors.ts";
import { Button } from "../../ui/button.tsx";
import { EmptyState, LoadError, Notice, Skeleton } from "../../ui/feedback.tsx";
import { formatClock } from "../../ui/format.ts";
import { TabButton } from "../tab-button.tsx";
import { KeptWork } from "./kept-work.tsx";
import { ChangesPanel } from "./panel.tsx";
import { type Diff, useDiff } from "./use-diff.ts";

/** Of when the changes are that are shown, and the way to newer ones. */
const Standing = ({ diff, ended }: { diff: Diff; ended: boolean }) => {
  const { shown, newer, isFetching, adopt, refetch } = diff;
  if (shown === null || (ended && newer === null)) return null;
  const at = formatClock(new Date(shown.at).toISOString());
  return (
    <div className="flex min-h-9 items-center justify-between gap-3 border-b border-line bg-accent-soft px-4 py-1 text-xs text-ink-soft">
      {/* That time goes on is nothing to be read out. */}
      <span aria-live={newer === null ? "off" : "polite"}>
        {newer === null
          ? `As it stood at ${at}. The run goes on.`
          : ended
            ? `The run has ended. These changes are older, of ${at}.`
            : `There are newer changes since ${at}.`}
      </span>
      {newer === null ? (
        <Button size="sm" busy={isFetching} onClick={refetch}>
          {!isFetching && <RotateCw aria-hidden className="size-3.5" />} Refresh
        </Button>
      ) : (
        <Button size="sm" tone="primary" onClick={adopt}>
          {ended ? "Show the final changes" : "Show the newest"}
        </Button>
      )}
    </div>
  );
};

const Nothing = ({ run, diff }: { run: Run; diff: Diff }) => {
  const ended = isFinal(run.status);
  const isOne = run.directory === null;
  if (run.baseCommit === null)
    return (
      <EmptyState
        icon={FileDiff}
        title={ended ? "Nothing was changed" : "Nothing to compare yet"}
        action={<TabButton run={run} tab="transcript" />}
      >
        {ended
          ? `The run ended before the ${isOne ? "repository was" : "repositories were"} checked out.`
          : `The ${isOne ? "repository is" : "repositories are"} not checked out yet.`}
      </EmptyState>
    );
  if (ended)
    return (
      <EmptyState
        icon={FileDiff}
        title="No file was changed"
        action={
          <>
            <TabButton run={run} tab="transcript" />
            <TabButton run={run} tab="files" />
          </>
        }
      >
        {`The ${isOne ? "repository is as it was" : "repositories are as they were"} at the start of the run.`}
      </EmptyState>
    );
  return (
    <EmptyState
      icon={FileDiff}
      title="No file is changed yet"
      action={
        <Button size="sm" busy={diff.isFetching} onClick={diff.refetch}>
          Refresh
        </Button>
      }
    >
      Changes show here while Claude Code works.
    </EmptyState>
  );
};

/** What a run changed, against the commit that it started from. `beside`: it is one of several that stand side by side. */
export const ChangesView = ({ run, beside = false }: { run: Run; beside?: boolean }) => {
  const diff = useDiff(run);
  const ended = isFinal(run.status);
  const { shown, error } = diff;
  if (run.baseCommit === null) return <Nothing run={run} diff={diff} />;
  if (shown === null) {
    if (error === null) return <Skeleton rows={8} />;
    const title = statusOf(error) === 404 ? "No changes of this run are kept" : "The changes cannot be read now";
    return <LoadError title={title} error={error} onRetry={diff.refetch} />;
  }
  if (shown.diff.files.length === 0) return <Nothing run={run} diff={diff} />;
  return (
    <>
      <Standing diff={diff} ended={ended} />
      {error !== null && (
        <Notice tone="warn" icon={TriangleAlert} className="m-3">
          <p>The newest changes could not be read; these are older.</p>
        </Notice>
      )}
      <ChangesPanel diff={shown.diff} run={run} beside={beside} />
      <KeptWork run={run} />
    </>
  );
};
