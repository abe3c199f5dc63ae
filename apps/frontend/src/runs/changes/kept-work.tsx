import { checkoutsOf, type Run } from "@ccr/protocol";

/** What the server keeps of a run's work beyond its sandbox, to be taken away; of several repositories a bundle each. */
export const KeptWork = ({ run }: { run: Run }) => (
  <nav aria-label="Kept work" className="flex flex-wrap gap-x-4 gap-y-1 border-t border-line px-4 py-2 text-xs text-ink-soft">
    <span>Kept outside the sandbox:</span>
    <a className="rounded underline" href={`/runs/${run.id}/work.patch`} title="All changes, for git apply">
      patch
    </a>
    {checkoutsOf(run).map(({ repository, directory }) =>
      directory === null ? (
        <a
          key={repository}
          className="rounded underline"
          href={`/runs/${run.id}/work.bundle`}
          title="Every commit and file, for git fetch work.bundle"
        >
          git bundle
        </a>
      ) : (
        <a
          key={directory}
          className="min-w-0 rounded underline [overflow-wrap:anywhere]"
          href={`/runs/${run.id}/work.bundle?directory=${encodeURIComponent(directory)}`}
          title={`Every commit and file of ${repository}, for git fetch`}
        >
          git bundle of {directory}
        </a>
      ),
    )}
    <a
      className="rounded underline"
      href={`/runs/${run.id}/conversation.jsonl`}
      title="Claude Code's own file of the conversation"
    >
      conversation
    </a>
    {run.directory !== null && (
      <p className="basis-full text-ink-faint">
        To apply the patch: <code className="code text-2xs">git apply</code> in the folder that has the repositories side by side.
      </p>
    )}
  </nav>
);
