/** A part of a path, or a path, as people read it: bytes that are no text, and characters that cannot be seen, stay written out. Pure. */
export const shownName = (part: string): string => part.replaceAll("%25", "%");

/** The last part of a path. Pure. */
export const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Every folder on the way to a path, the outermost first. Pure. */
export const foldersTo = (path: string): string[] => {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
};

/** Where a link leads, as a path in the workspace; null: out of it, or nowhere. Pure. */
export const linkedPath = (path: string, target: string): string | null => {
  if (target === "" || target.startsWith("/")) return null;
  const parts = path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.length === 0 ? null : parts.join("/");
};
