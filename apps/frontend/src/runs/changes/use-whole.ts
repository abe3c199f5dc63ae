import { isFinal, type Run } from "@ccr/protocol";
import { type UseQueryResult, useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useApi } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import { readContent } from "../files/content.ts";
import { type Comment, linesBetween } from "./comments.ts";
import type { PatchFile } from "./patch.ts";
import type { ShownFile } from "./shown.ts";
import { hasHidden, withHidden } from "./whole.ts";

/** How it stands with the lines of a file that its patch leaves out, where they can be shown or hidden; `why`: they cannot be shown now. */
export type Hidden = { kind: "none" | "hidden" | "loading" | "shown" } | { kind: "failed"; why: string };

/** The files with the lines between their changes, where somebody wants to see these. */
export type Whole = {
  files: readonly ShownFile[];
  hiddenOf: (shown: ShownFile) => Hidden;
  /** Shows all lines of a file, or its changes alone; one that has comments on other lines stays whole. */
  set: (shown: ShownFile, isWhole: boolean) => void;
};

type Got = { file: PatchFile } | { why: string };

const CHANGED = "The file has changed since these changes were read: bring them up to date, and try again";
const WHY = {
  binary: "It is no text",
  too_large: "The file is too large to be shown as a whole",
} as const;

/** Whether a comment is about lines that are not among the changes of its file. */
const isBetween = (comment: Comment, { file }: ShownFile): boolean =>
  comment.path === file.path && linesBetween(file, comment.from, comment.to) === null;

const combine = (results: UseQueryResult<Got>[]) =>
  results.map(({ data, error, isFetching, refetch }) => ({ data, error, isFetching, refetch }));

/** Reads the whole text of files where somebody wants to see it, or has said something about it. */
export const useWhole = (run: Run, all: readonly ShownFile[], comments: readonly Comment[]): Whole => {
  const { onUnauthorized } = useApi();
  const ended = isFinal(run.status);
  const [asked, setAsked] = useState<ReadonlySet<string>>(() => new Set());
  const wanted = useMemo(
    () =>
      all.filter(
        (shown) => hasHidden(shown.file) && (asked.has(shown.id) || comments.some((comment) => isBetween(comment, shown))),
      ),
    [all, asked, comments],
  );
  const found = useQueries({
    queries: wanted.map(({ file, fingerprint }) => ({
      // Of other changes it is another text.
      queryKey: ["whole file", run.id, file.path, fingerprint, ended],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Got> => {
        const content = await readContent({ runId: run.id, path: file.path, onUnauthorized }, signal);
        if (content.kind !== "text") return { why: WHY[content.kind] };
        const whole = withHidden(file, content.text);
        return whole === null ? { why: CHANGED } : { file: whole };
      },
      retry: false,
      structuralSharing: false,
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      refetchOnMount: false,
    })),
    combine,
  });
  return useMemo(() => {
    const byId = new Map(wanted.map(({ id }, index) => [id, found[index]]));
    const files = all.map((shown): ShownFile => {
      const data = byId.get(shown.id)?.data;
      return data !== undefined && "file" in data ? { ...shown, file: data.file, isWhole: true } : shown;
    });
    return {
      files,
      hiddenOf: ({ id }) => {
        const shown = all.find((each) => each.id === id);
        if (shown === undefined || !hasHidden(shown.file)) return { kind: "none" };
        const result = byId.get(id);
        if (result === undefined) return { kind: "hidden" };
        if (result.isFetching) return { kind: "loading" };
        if (result.error !== null) return { kind: "failed", why: describeError(result.error) };
        if (result.data === undefined) return { kind: "hidden" };
        if ("why" in result.data) return { kind: "failed", why: result.data.why };
        return comments.some((comment) => isBetween(comment, shown)) ? { kind: "none" } : { kind: "shown" };
      },
      set: ({ id }, isWhole) => {
        const result = byId.get(id);
        // What went wrong is tried again.
        if (isWhole && result !== undefined && (result.error !== null || (result.data !== undefined && "why" in result.data)))
          void result.refetch();
        setAsked((old) => {
          const next = new Set(old);
          if (isWhole) next.add(id);
          else next.delete(id);
          return next;
        });
      },
    };
  }, [all, wanted, found, comments]);
};
