import { z } from "zod";
import { Delivered } from "./delivery.ts";
import { parseRepository } from "./repository.ts";

/*
 * The repositories of a run. One alone is checked out in the workspace itself; several are side by side, each in a folder of the workspace that
 * has its name, and each has its own commits, branch and pull request.
 */

/** Beside the first one. */
export const ADDITIONAL_REPOSITORIES_MAX = 9;
const DIRECTORY_MAX = 100;

/** `owner/name` on GitHub, an https, http or ssh URL, or a local path under one of the allowed roots. */
export const RepositoryText = z
  .string()
  .trim()
  .min(1, "the repository is empty: give owner/name, a URL or a local path")
  .max(2048, "the repository is longer than 2,048 characters");

/** Branch, tag or commit to start from; the repository's default branch when left out. */
export const RefText = z.string().trim().min(1).max(255);

/** A folder of the workspace. */
export const DirectoryName = z
  .string()
  .trim()
  .min(1, "the folder is empty: leave it out, or give a name")
  .max(DIRECTORY_MAX, `the folder is longer than ${DIRECTORY_MAX} characters`)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "the folder must be a plain name: letters, digits, '.', '_' and '-'")
  .refine(
    (name) => !/\.\.|\.lock$|\.git$|\.$/i.test(name),
    "the folder cannot have two dots in a row, or end with '.git', '.lock' or a dot",
  );

/** A repository beside the first one of a run. */
export const AdditionalRepositoryInput = z.strictObject({
  repository: RepositoryText,
  ref: RefText.optional(),
  /** Left out: the last part of its address. */
  directory: DirectoryName.optional(),
});
export type AdditionalRepositoryInput = z.infer<typeof AdditionalRepositoryInput>;

/** A repository of a run, and what became of it. */
export const AdditionalRepository = z.object({
  /** As the person gave it, without any credential. */
  repository: z.string(),
  ref: z.string().nullable(),
  directory: z.string(),
  baseCommit: z.string().nullable(),
  headCommit: z.string().nullable(),
  /** null: nothing of it was to be delivered yet. */
  delivered: Delivered.nullable(),
});
export type AdditionalRepository = z.infer<typeof AdditionalRepository>;

/** A repository of a run; `directory` is null where it is the only one. */
export type RunCheckout = Omit<AdditionalRepository, "directory"> & { directory: string | null };

/** All repositories of a run, the first one first. Pure. */
export const checkoutsOf = (
  run: RunCheckout & { additionalRepositories: readonly AdditionalRepository[] },
): [RunCheckout, ...AdditionalRepository[]] => {
  const { repository, ref, directory, baseCommit, headCommit, delivered, additionalRepositories } = run;
  return [{ repository, ref, directory, baseCommit, headCommit, delivered }, ...additionalRepositories];
};

/** A run, as far as it tells of its deliveries. */
export type DeliveredRun = {
  delivered: Delivered | null;
  additionalRepositories: readonly Pick<AdditionalRepository, "delivered">[];
};

/** Those of which something was, or is to be, delivered. Pure. */
export const deliveriesOf = (run: DeliveredRun): Delivered[] =>
  [run.delivered, ...run.additionalRepositories.map(({ delivered }) => delivered)].filter((delivered) => delivered !== null);

/** Whether all that was asked for is done. Pure. */
export const isDelivered = (run: DeliveredRun): boolean => {
  const all = deliveriesOf(run);
  return all.length > 0 && all.every(({ state }) => state === "delivered");
};

/** The name that a repository's folder has by itself. Pure. */
export const directoryOf = (repository: string): string => {
  const parsed = parseRepository(repository);
  const text = parsed.ok ? (parsed.address.transport === "local" ? parsed.address.path : parsed.address.url) : repository;
  const last =
    text
      .replace(/\/+$/, "")
      .replace(/(\/?\.git)+$/i, "")
      .split(/[/:]/)
      .at(-1) ?? "";
  const name = last
    .replaceAll(/[^A-Za-z0-9._-]+|\.{2,}/g, "-")
    .replace(/^[^A-Za-z0-9_]+/, "")
    .slice(0, DIRECTORY_MAX - 4)
    .replace(/(\.lock|\.git|[.-])+$/i, "");
  return name === "" ? "repository" : name;
};

/**
 * The folder of each of several repositories, in their order: as it was given, else after its address, with a number where that is taken. A text
 * says which two were given the same one. Pure.
 */
export const directoriesFor = (
  checkouts: readonly { repository: string; directory?: string | undefined }[],
): { ok: true; directories: string[] } | { ok: false; message: string } => {
  // Two folders that differ in case alone are one on some disks.
  const taken = new Set<string>();
  for (const { directory } of checkouts) {
    if (directory === undefined) continue;
    if (taken.has(directory.toLowerCase()))
      return { ok: false, message: `two repositories cannot both be in the folder '${directory}'` };
    taken.add(directory.toLowerCase());
  }
  const free = (name: string): string => {
    let found = name;
    for (let number = 2; taken.has(found.toLowerCase()); number++) found = `${name}-${number}`;
    taken.add(found.toLowerCase());
    return found;
  };
  return { ok: true, directories: checkouts.map(({ repository, directory }) => directory ?? free(directoryOf(repository))) };
};
