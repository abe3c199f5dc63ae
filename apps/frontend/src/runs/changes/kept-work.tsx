import type { Run } from "@ccr/protocol";
import { DownloadLink } from "../../ui/download-link.tsx";
import { keptFiles } from "./kept-files.ts";

/** What the server keeps of a run's work beyond its sandbox, to be taken away; of several repositories a bundle each. */
export const KeptWork = ({ run }: { run: Run }) => (
  <nav aria-label="Kept work" className="flex flex-wrap gap-x-4 gap-y-1 border-t border-line px-4 py-2 text-xs text-ink-soft">
    <span>Kept outside the sandbox:</span>
    {keptFiles(run).map(({ key, label, title, href }) => (
      <DownloadLink key={key} className="min-w-0 rounded underline [overflow-wrap:anywhere]" href={href} title={title}>
        {label}
      </DownloadLink>
    ))}
    {run.directory !== null && (
      <p className="basis-full text-ink-faint">
        To apply the patch: <code className="code text-2xs">git apply</code> in the folder that has the repositories side by side.
      </p>
    )}
  </nav>
);
