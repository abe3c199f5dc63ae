import type { RunId } from "@ccr/protocol";
import { useMemo, useState } from "react";
import { beginComment, type Comment, Drafts, NO_DRAFTS, type Place } from "./comments.ts";
import { useKept } from "./kept.ts";
import type { PatchFile } from "./patch.ts";

/** A run's comments that are not sent yet. */
export type Reviewing = {
  comments: readonly Comment[];
  /** The one that was begun or opened last: the place to write is there. */
  justBegun: string | null;
  isOpen: (id: string) => boolean;
  begin: (file: PatchFile, one: Place, other: Place) => void;
  write: (id: string, text: string) => void;
  keep: (id: string) => void;
  edit: (id: string) => void;
  remove: (id: string) => void;
  /** They were sent. */
  forget: (sent: readonly Comment[]) => void;
};

// `crypto.randomUUID` is only there on https and localhost.
const newId = (): string => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

const without =
  (id: string) =>
  (drafts: Drafts): Drafts => {
    const comments = drafts.comments.filter((each) => each.id !== id);
    return comments.length === 0 ? NO_DRAFTS : { comments, open: drafts.open.filter((each) => each !== id) };
  };

/** Keeps a run's comments in this browser until they are sent. */
export const useComments = (run: RunId): Reviewing => {
  const [drafts, change] = useKept(`ccr.comments.${run}`, Drafts, NO_DRAFTS);
  const [justBegun, setJustBegun] = useState<string | null>(null);
  return useMemo(
    () => ({
      comments: drafts.comments,
      justBegun,
      isOpen: (id) => drafts.open.includes(id),
      begin: (file, one, other) => {
        const comment = beginComment(file, { one, other }, newId());
        if (comment === null) return;
        setJustBegun(comment.id);
        // One that was begun and left empty makes way.
        change(({ comments, open }) => {
          const written = comments.filter(({ id, text }) => !open.includes(id) || text.trim() !== "");
          const stillOpen = open.filter((id) => written.some((each) => each.id === id));
          return { comments: [...written, comment], open: [...stillOpen, comment.id] };
        });
      },
      write: (id, text) =>
        change((old) => ({ ...old, comments: old.comments.map((each) => (each.id === id ? { ...each, text } : each)) })),
      keep: (id) => change((old) => ({ ...old, open: old.open.filter((each) => each !== id) })),
      edit: (id) => {
        setJustBegun(id);
        change((old) => ({ ...old, open: [...old.open.filter((each) => each !== id), id] }));
      },
      remove: (id) => change(without(id)),
      forget: (sent) => change((old) => sent.reduce((left, { id }) => without(id)(left), old)),
    }),
    [drafts, justBegun, change],
  );
};
