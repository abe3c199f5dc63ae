import type { ShownFile } from "./shown.ts";

/** A folder of changed files; folders that hold nothing but one other folder are one with it. */
export type TreeFolder = { kind: "folder"; path: string; name: string; children: readonly TreeNode[]; files: number };
export type TreeFile = { kind: "file"; name: string; shown: ShownFile };
export type TreeNode = TreeFolder | TreeFile;
/** A line of the tree as it is drawn; `level` counts from 1. */
export type TreeRow = { node: TreeNode; level: number; isOpen: boolean };

type Draft = { folders: Map<string, Draft>; files: TreeFile[] };

const toFolder = (path: string, name: string, draft: Draft): TreeFolder => {
  const [only, ...others] = draft.folders;
  if (only !== undefined && others.length === 0 && draft.files.length === 0) {
    const [inner, below] = only;
    return toFolder(`${path}/${inner}`, `${name}/${inner}`, below);
  }
  const children = childrenOf(path, draft);
  const files = children.reduce((sum, child) => sum + (child.kind === "folder" ? child.files : 1), 0);
  return { kind: "folder", path, name, children, files };
};

const byName = (one: string, other: string): number => one.localeCompare(other, "en", { numeric: true });

const childrenOf = (path: string, { folders, files }: Draft): TreeNode[] => [
  ...[...folders]
    .toSorted(([one], [other]) => byName(one, other))
    .map(([name, below]) => toFolder(path === "" ? name : `${path}/${name}`, name, below)),
  ...files.toSorted((one, other) => byName(one.name, other.name)),
];

/** The files in their folders, folders first, each in the order of names. `within`: the folder that all of them are in. Pure. */
export const buildTree = (files: readonly ShownFile[], within = ""): TreeNode[] => {
  const root: Draft = { folders: new Map(), files: [] };
  for (const shown of files) {
    const parts = shown.file.path.slice(within === "" ? 0 : within.length + 1).split("/");
    const name = parts.pop() ?? "";
    let at = root;
    for (const part of parts) {
      const next = at.folders.get(part) ?? { folders: new Map(), files: [] };
      at.folders.set(part, next);
      at = next;
    }
    at.files.push({ kind: "file", name, shown });
  }
  return childrenOf(within, root);
};

/** The lines that are seen when the folders in `closed` are. Pure. */
export const rowsOfTree = (nodes: readonly TreeNode[], closed: ReadonlySet<string>, level = 1): TreeRow[] =>
  nodes.flatMap((node): TreeRow[] => {
    const isOpen = node.kind === "folder" && !closed.has(node.path);
    return [{ node, level, isOpen }, ...(isOpen ? rowsOfTree(node.children, closed, level + 1) : [])];
  });

/** The files in the order in which the tree lists them. Pure. */
export const filesOfTree = (nodes: readonly TreeNode[]): ShownFile[] =>
  nodes.flatMap((node) => (node.kind === "folder" ? filesOfTree(node.children) : [node.shown]));

/** The files by the folders of their repositories, in order; all together, without one, when the run has a single repository. Pure. */
export const groupByFolder = (
  files: readonly ShownFile[],
  hasFolders: boolean,
): { folder: string | null; files: ShownFile[] }[] => {
  if (!hasFolders) return [{ folder: null, files: [...files] }];
  const groups = new Map<string, ShownFile[]>();
  for (const shown of files) {
    const [folder = ""] = shown.file.path.split("/");
    const group = groups.get(folder) ?? [];
    groups.set(folder, group);
    group.push(shown);
  }
  return [...groups].map(([folder, inside]) => ({ folder, files: inside }));
};

/** Whether a path has every word of a filter, in any case. Pure. */
export const fitsFilter = (path: string, filter: string): boolean =>
  filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => path.toLowerCase().includes(word));
