/** What the run starts from. */
export interface ResolvedRef {
  name: string;
  kind: "branch" | "tag" | "commit";
}

/**
 * Whether a text can name a branch or a tag: git's own rules (`git check-ref-format`), and not a word that begins like an option. Pure.
 */
export const isRefName = (name: string): boolean =>
  name.length > 0 &&
  name.length <= 255 &&
  !name.startsWith("-") &&
  name !== "@" &&
  !name.includes("..") &&
  !name.includes("@{") &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them, and so must we
  !/[\u0000-\u0020\u007f~^:?*[\\]/.test(name) &&
  !name.endsWith(".") &&
  name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));

const COMMIT = /^[0-9a-f]{7,64}$/i;

/** The places in which a name is looked up, in order: a branch, then a tag, then a commit by seven digits or more. Pure. */
export const placesOf = (name: string): (ResolvedRef & { revision: string })[] => [
  { name: name.replace(/^refs\/heads\//, ""), kind: "branch", revision: `refs/heads/${name.replace(/^refs\/heads\//, "")}` },
  { name: name.replace(/^refs\/tags\//, ""), kind: "tag", revision: `refs/tags/${name.replace(/^refs\/tags\//, "")}` },
  ...(COMMIT.test(name) ? [{ name, kind: "commit" as const, revision: name }] : []),
];

/** Where the remote's HEAD leads, from the answer of `ls-remote --symref`: to a branch, or else to a commit. Pure. */
export const readHead = (answer: string): { branch: string | null; commit: string | null } => {
  const branch = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(answer)?.[1] ?? null;
  const commit = /^([0-9a-f]{40,64})\tHEAD$/m.exec(answer)?.[1] ?? null;
  return { branch: branch !== null && isRefName(branch) ? branch : null, commit };
};
