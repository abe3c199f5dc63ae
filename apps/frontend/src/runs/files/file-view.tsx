import type { FileEntry, Run } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, CornerUpRight, Download, FileQuestion, FileX2, Folder } from "lucide-react";
import { useRef, useState } from "react";
import { useApi } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import { Button, buttonClasses, IconButton } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { DownloadLink } from "../../ui/download-link.tsx";
import { EmptyState, LoadError, Skeleton } from "../../ui/feedback.tsx";
import { formatBytes, formatClock, plural } from "../../ui/format.ts";
import { TailPath } from "../../ui/tail-path.tsx";
import { fileUrl, readContent, SHOWN_MAX_BYTES, showing } from "./content.ts";
import { FileText } from "./file-text.tsx";
import { lastPart, linkedPath, shownName } from "./names.ts";
import { useFollowing } from "./use-following.ts";

const DownloadFile = ({ run, path }: { run: Run; path: string }) => (
  <DownloadLink className={buttonClasses("secondary", "sm")} href={fileUrl(run.id, path)}>
    <Download aria-hidden className="size-3.5" /> Download
  </DownloadLink>
);

const Picture = ({ run, path, version }: { run: Run; path: string; version: string }) => {
  const [broken, setBroken] = useState(false);
  if (broken) {
    return (
      <EmptyState icon={FileX2} title="The picture cannot be shown" action={<DownloadFile run={run} path={path} />}>
        The file may be damaged, or something else than its name says.
      </EmptyState>
    );
  }
  return (
    <div className="grid min-h-0 flex-1 place-items-center overflow-auto bg-sunken p-4">
      <img
        src={`${fileUrl(run.id, path, true)}&v=${version}`}
        alt={shownName(lastPart(path))}
        onError={() => setBroken(true)}
        className="max-h-full max-w-full border border-line bg-white object-contain"
      />
    </div>
  );
};

/** One file: text and pictures to look at, all others to download. */
export const FileView = ({
  run,
  path,
  entry,
  version,
  ended,
  onFollow,
  onFolder,
  onBack,
}: {
  run: Run;
  path: string;
  /** What its folder says of it; null: not known (yet). */
  entry: FileEntry | null;
  /** Changes when it is to be read anew. */
  version: number;
  ended: boolean;
  /** Opens what a link leads to. */
  onFollow: (path: string) => void;
  /** Opens a folder in the tree. */
  onFolder: (path: string) => void;
  /** On a small screen, where the tree is not beside it. */
  onBack: (() => void) | null;
}) => {
  const { onUnauthorized } = useApi();
  const shown = showing(path, entry?.bytes ?? null);
  const isReadable = entry === null || entry.kind === "file";
  const content = useQuery({
    queryKey: ["file", run.id, path, ended, version],
    queryFn: ({ signal }) => readContent({ runId: run.id, path, onUnauthorized }, signal),
    enabled: shown === "text" && isReadable,
    retry: false,
    staleTime: ended ? Number.POSITIVE_INFINITY : 0,
    gcTime: 60_000,
    placeholderData: (previous, query) => (query?.queryKey[2] === path ? previous : undefined),
  });
  const section = useRef<HTMLElement>(null);
  useFollowing(!ended && shown === "text" && isReadable, () => {
    // What somebody has marked, to copy it, stays as it is.
    const marked = getSelection();
    if (marked?.isCollapsed === false && section.current?.contains(marked.anchorNode) === true) return;
    if (content.data !== undefined) void content.refetch({ cancelRefetch: false });
  });
  const isOld = content.data !== undefined && content.error !== null;
  const text = content.data?.kind === "text" ? content.data : null;
  const name = shownName(lastPart(path));
  const body = () => {
    if (entry?.kind === "link") {
      const to = entry.target === null ? null : linkedPath(path, entry.target);
      return (
        <EmptyState
          icon={CornerUpRight}
          title="This is a link"
          action={to === null ? undefined : <Button onClick={() => onFollow(to)}>Open where it leads</Button>}
        >
          {entry.target === null
            ? "Where it leads was not read."
            : `It leads to ${shownName(entry.target)}${to === null ? ", which is not in the workspace: it cannot be read from here" : ""}.`}
        </EmptyState>
      );
    }
    if (entry?.kind === "folder") {
      return (
        <EmptyState
          icon={Folder}
          title="This is a folder"
          action={<Button onClick={() => onFolder(path)}>Show what is in it</Button>}
        />
      );
    }
    if (entry !== null && entry.kind !== "file") {
      return (
        <EmptyState icon={FileQuestion} title="This is not a file that can be shown">
          It is a pipe, a socket, a device, or another repository.
        </EmptyState>
      );
    }
    if (shown === "too_large" || content.data?.kind === "too_large") {
      return (
        <EmptyState icon={FileX2} title="This file is too large to show" action={<DownloadFile run={run} path={path} />}>
          {`It has more than ${formatBytes(SHOWN_MAX_BYTES)}. Download it to look at it.`}
        </EmptyState>
      );
    }
    if (shown === "image") {
      const of = `${version}-${entry?.bytes ?? ""}`;
      return <Picture key={of} run={run} path={path} version={of} />;
    }
    if (content.data?.kind === "binary") {
      return (
        <EmptyState icon={FileQuestion} title="This file is not text" action={<DownloadFile run={run} path={path} />}>
          Download it to look at it.
        </EmptyState>
      );
    }
    if (text !== null) return <FileText name={name} path={path} lines={text.lines} />;
    return content.error === null ? (
      <Skeleton rows={8} />
    ) : (
      <LoadError title="The file could not be read" error={content.error} onRetry={() => content.refetch()} />
    );
  };
  return (
    <section ref={section} aria-label={`File ${shownName(path)}`} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex items-center gap-2 border-b border-line px-3 py-1.5">
        {onBack !== null && (
          <IconButton label="Back to all files" onClick={onBack}>
            <ArrowLeft aria-hidden className="size-4" />
          </IconButton>
        )}
        <h3 className="min-w-0 flex-1 text-xs font-medium">
          <TailPath text={shownName(path)} className="code" />
        </h3>
        {text !== null && (
          <span className="hidden shrink-0 text-xs text-ink-faint sm:inline">{plural(text.lines.length, "line")}</span>
        )}
        {text !== null && (
          <CopyButton text={() => `${text.lines.join("\n")}${text.endsWithLine ? "\n" : ""}`} label="Copy the file" />
        )}
        {isReadable && <DownloadFile run={run} path={path} />}
      </div>
      {isOld && (
        <p role="status" className="border-b border-line bg-warn-soft px-3 py-1 text-xs text-warn [overflow-wrap:anywhere]">
          This is how it was at {formatClock(new Date(content.dataUpdatedAt).toISOString())}. Now: {describeError(content.error)}
        </p>
      )}
      {body()}
    </section>
  );
};
