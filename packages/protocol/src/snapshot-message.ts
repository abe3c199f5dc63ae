/** What the message of a snapshot's commit says of the workspace's HEAD and branches. Names are bytes, one character each. */
export interface SnapshotRefs {
  head: { ref: string } | { commit: string };
  refs: { name: string; commit: string }[];
}

const REFS_MAX = 1_000;

/** Reads a commit object as git prints it, one character for each byte; `message` is null when it is not one of a snapshot. Pure. */
export const parseSnapshotCommit = (text: string): { tree: string; parents: string[]; message: SnapshotRefs | null } => {
  const end = text.indexOf("\n\n");
  const lines = (end === -1 ? text : text.slice(0, end)).split("\n");
  const valuesOf = (key: string) => lines.flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []));
  return {
    tree: valuesOf("tree")[0] ?? "",
    parents: valuesOf("parent"),
    message: end === -1 ? null : parseMessage(text.slice(end + 2)),
  };
};

const parseMessage = (message: string): SnapshotRefs | null => {
  const [, , headLine = "", ...rest] = message.replace(/\n$/, "").split("\n");
  const head = /^HEAD (?:ref: (refs\/heads\/.+)|([0-9a-f]{40,64}))$/.exec(headLine);
  if (head === null || rest.length > REFS_MAX) return null;
  const refs: SnapshotRefs["refs"] = [];
  for (const line of rest) {
    const [, commit, name] = /^([0-9a-f]{40,64}) (refs\/heads\/.+|refs\/stash)$/.exec(line) ?? [];
    if (commit === undefined || name === undefined) return null;
    refs.push({ name, commit });
  }
  const [, ref, commit] = head;
  return { head: ref !== undefined ? { ref } : { commit: commit ?? "" }, refs };
};
