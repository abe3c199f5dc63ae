import { isFinal, type Run } from "@ccr/protocol";
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useApi } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import { readContent } from "../files/content.ts";
import { type Comment, isCurrent, linesBetween } from "./comments.ts";
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

type Got = { whole: ShownFile } | { why: string };

const CHANGED = "The file has changed since these changes were read: bring them up to date, and try again";
const WHY = {
  binary: "It is no text",
  too_large: "The file is too large to be shown as a whole",
} as const;

/** Whether a comment is about lines that are not among the changes of its file. */
const isBetween = (comment: Comment, { file }: ShownFile): boolean =>
  comment.path === file.path && linesBetween(file, comment.from, comment.to) === null;

/** The list of before as long as the next ones have the same members: what is drawn from it is not drawn anew. */
const useSameList = <Member>(next: readonly Member[]): readonly Member[] => {
  const [held, setHeld] = useState(next);
  if (held.length === next.length && next.every((member, index) => member === held[index])) return held;
  setHeld(next);
  return next;
};

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
    queries: wanted.map((shown) => ({
      // Of other changes it is another text.
      queryKey: ["whole file", run.id, shown.id, shown.fingerprint, ended],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Got> => {
        const content = await readContent({ runId: run.id, path: shown.file.path, onUnauthorized }, signal);
        if (content.kind !== "text") return { why: WHY[content.kind] };
        const file = withHidden(shown.file, content.text);
        return file === null ? { why: CHANGED } : { whole: { ...shown, file, isWhole: true } };
      },
      retry: false,
      structuralSharing: false,
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      refetchOnMount: false,
    })),
  });
  const reads = new Map(
    wanted.map((shown, index) => {
      const result = found[index];
      const whole = result?.data !== undefined && "whole" in result.data ? result.data.whole : null;
      // What is said of lines that are not as they were is told of elsewhere.
      const isHeld = whole !== null && comments.some((comment) => isBetween(comment, shown) && isCurrent(comment, whole.file));
      return [shown.id, { result, isHeld, whole: isHeld || asked.has(shown.id) ? whole : null }];
    }),
  );
  const files = useSameList(all.map((shown) => reads.get(shown.id)?.whole ?? shown));
  return {
    files,
    hiddenOf: ({ id }) => {
      const shown = all.find((each) => each.id === id);
      if (shown === undefined || !hasHidden(shown.file)) return { kind: "none" };
      const read = reads.get(id);
      if (read !== undefined && read.whole !== null) return { kind: read.isHeld ? "none" : "shown" };
      const result = asked.has(id) ? read?.result : undefined;
      if (result?.isFetching === true) return { kind: "loading" };
      if (result?.error != null) return { kind: "failed", why: describeError(result.error) };
      return result?.data !== undefined && "why" in result.data ? { kind: "failed", why: result.data.why } : { kind: "hidden" };
    },
    set: ({ id }, isWhole) => {
      const result = reads.get(id)?.result;
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
};
