import { type CodeViewDiffItem, getFiletypeFromFileName, processFile } from "@pierre/diffs";
import type { Place } from "./comments.ts";
import { bundledLanguages } from "./languages.ts";
import { asPatch, type ShownFile } from "./shown.ts";

/** A comment that stands between the lines. */
export type Note = { id: string };
export type DiffItem = CodeViewDiffItem<Note>;

/** How a file is to be shown: whether only its head is, and after which lines comments stand. */
export type FileState = { collapsed: boolean; notes: readonly { id: string; at: Place }[] };

/** The viewer's words for the two sides of a diff. */
export const sideOf = ({ side }: Place): "deletions" | "additions" => (side === "old" ? "deletions" : "additions");

/** The place that the viewer means. Pure. */
export const placeAt = (side: "deletions" | "additions" | undefined, line: number): Place => ({
  side: side === "deletions" ? "old" : "new",
  line,
});

const languageOf = (path: string): string => {
  const language = getFiletypeFromFileName(path);
  return Object.hasOwn(bundledLanguages, language) ? language : "text";
};

/** What the viewer draws of a file; null for a text that it cannot read. Pure, and costly for large files. */
export const toFileDiff = (
  { id, file, fingerprint, isWhole = false }: ShownFile,
  isBlind: boolean,
): DiffItem["fileDiff"] | null => {
  const cacheKey = `${id}:${fingerprint}:${isBlind}:${isWhole}`;
  const diff = processFile(asPatch(file), { isGitDiff: true, cacheKey });
  if (diff === undefined) return null;
  const type = file.status === "added" ? "new" : file.status === "deleted" ? "deleted" : "change";
  return { ...diff, name: file.path, type, lang: languageOf(file.path), cacheKey };
};

const stateKey = ({ collapsed, notes }: FileState): string =>
  JSON.stringify([collapsed, notes.map(({ id, at }) => [id, at.side, at.line])]);

type Built = { item: DiffItem; key: string };

/** The items of the files, in order: one that is as it was before is the same object, and one that is not has the next version. */
export const createItems = (): ((
  diffs: readonly { id: string; fileDiff: DiffItem["fileDiff"] }[],
  stateOf: (id: string) => FileState,
) => DiffItem[]) => {
  let before = new Map<string, Built>();
  return (diffs, stateOf) => {
    const now = new Map<string, Built>();
    for (const { id, fileDiff } of diffs) {
      const state = stateOf(id);
      const key = stateKey(state);
      const old = before.get(id);
      if (old !== undefined && old.key === key && old.item.fileDiff === fileDiff) {
        now.set(id, old);
        continue;
      }
      const annotations = state.notes.map(({ id: note, at }) => ({
        side: sideOf(at),
        lineNumber: at.line,
        metadata: { id: note },
      }));
      const version = (old?.item.version ?? 0) + 1;
      now.set(id, { key, item: { id, type: "diff", fileDiff, collapsed: state.collapsed, annotations, version } });
    }
    before = now;
    return [...now.values()].map(({ item }) => item);
  };
};
