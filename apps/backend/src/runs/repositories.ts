import {
  CcrError,
  type CreateRunInput,
  directoriesFor,
  parseRepository,
  type RepositoryAddress,
  type Run,
  type RunCheckout,
  repositoryKey,
} from "@ccr/protocol";
import type { NewRun } from "../store/types.ts";
import type { Scene } from "./scene.ts";

/* The repositories of a run, each with a place of its own in the workspace, in what is kept, and at its host. */

/**
 * The repositories that a launch names, as they are stored, and the address of the first one. Throws `CcrError` with `bad_request` for an address that
 * is none, for a repository that is named twice, since both would be pushed to one branch, and for folders that cannot be.
 */
export const repositoriesOf = (
  input: { repository: string } & Pick<CreateRunInput, "ref" | "directory" | "additionalRepositories">,
): { address: RepositoryAddress; named: Pick<NewRun, "repository" | "ref" | "directory" | "additionalRepositories"> } => {
  const { additionalRepositories: others = [] } = input;
  const read = (text: string, field: string): RepositoryAddress => {
    const parsed = parseRepository(text);
    if (!parsed.ok) throw new CcrError("bad_request", `${field}: ${parsed.message}.`);
    return parsed.address;
  };
  const address = read(input.repository, "repository");
  const ref = input.ref ?? null;
  if (others.length === 0) {
    if (input.directory !== undefined)
      throw new CcrError(
        "bad_request",
        "directory: a repository that is alone is in the workspace itself; leave this out, or name others beside it.",
      );
    return { address, named: { repository: address.display, ref, directory: null, additionalRepositories: [] } };
  }
  const addresses = others.map(({ repository }, index) => read(repository, `additionalRepositories.${index}.repository`));
  const seen = new Set([repositoryKey(address)]);
  for (const each of addresses) {
    if (seen.has(repositoryKey(each)))
      throw new CcrError("bad_request", `additionalRepositories: '${each.display}' is named twice; name each repository once.`);
    seen.add(repositoryKey(each));
  }
  const placed = directoriesFor([input, ...others]);
  if (!placed.ok) throw new CcrError("bad_request", `additionalRepositories: ${placed.message}.`);
  const [directory = null, ...directories] = placed.directories;
  return {
    address,
    named: {
      repository: address.display,
      ref,
      directory,
      additionalRepositories: addresses.map(({ display }, index) => ({
        repository: display,
        ref: others[index]?.ref ?? null,
        directory: directories[index] ?? "",
      })),
    },
  };
};

/** What is asked of an executor about one of the repositories. Pure. */
export const inDirectory = ({ directory }: Pick<RunCheckout, "directory">): { directory?: string } =>
  directory === null ? {} : { directory };

/** Where the mirror of a repository is in a sandbox. Pure. */
export const mirrorMount = ({ directory }: Pick<RunCheckout, "directory">): string =>
  directory === null ? "/mirror" : `/mirrors/${directory}`;

/** What stands for the work in all repositories of a run, in their order; of one alone it is its own commit. Pure. */
export const workOf = (commits: readonly string[]): string => commits.join("+");

/** The commits for which it stands. Pure. */
export const commitsOf = (work: string): string[] => work.split("+");

/** A path in a repository as one in the workspace. Pure. */
export const inWorkspace = ({ directory }: Pick<RunCheckout, "directory">, path: string): string =>
  directory === null ? path : `${directory}/${path}`;

/** A path in the workspace as one in its repository. Pure. */
export const inRepository = (run: Pick<Run, "directory">, path: string): string =>
  run.directory === null ? path : path.slice(path.indexOf("/") + 1);

/** Writes down the commits of all repositories of a run, in their order. Throws `FenceLostError`. */
export const noteCommits = async (
  { run, fence, stores }: Scene,
  what: "baseCommit" | "headCommit",
  commits: readonly string[],
): Promise<void> => {
  const [first, ...others] = commits;
  if (first === undefined) return;
  if (run.additionalRepositories.length === 0) {
    await stores.runs.patch(run.id, fence, { [what]: first });
    return;
  }
  // Nobody else writes them, so what is read is what is there.
  const { additionalRepositories } = (await stores.runs.find(run.id)) ?? run;
  await stores.runs.patch(run.id, fence, {
    [what]: first,
    additionalRepositories: additionalRepositories.map((each, index) => ({ ...each, [what]: others[index] ?? each[what] })),
  });
};

/** Which repositories are before somebody, and where; empty when it is one alone, which is seen by itself. Pure. */
export const listRepositories = (checkouts: readonly Pick<RunCheckout, "directory" | "repository">[]): string =>
  checkouts.length < 2
    ? ""
    : [
        "The workspace has several repositories side by side, each in a folder of its own and with its own git history:",
        ...checkouts.map(({ directory, repository }) => `- ${directory}/ is ${repository}`),
      ].join("\n");

/** Tells an agent the same, and what that means for its work; empty when it is one alone. Pure. */
export const aboutRepositories = (checkouts: readonly Pick<RunCheckout, "directory" | "repository">[]): string => {
  const list = listRepositories(checkouts);
  const so = "Commit in each repository what belongs to it. What is outside of these folders is not kept.";
  return list === "" ? "" : `${list}\n${so}`;
};
