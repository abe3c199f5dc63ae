import { CreateRunInput, directoriesFor, directoryOf, parseRepository, repositoryKey } from "@ccr/protocol";
import { z } from "zod";

/** A repository beside the first one of a launch, as it is being filled in. Keys only tell those of one draft apart. */
export const RepositoryDraft = z.object({ key: z.string(), repository: z.string(), ref: z.string(), directory: z.string() });
export type RepositoryDraft = z.infer<typeof RepositoryDraft>;

/** The repositories of a launch; the first one's folder has a meaning only when there are others. */
type Repositories = { repository: string; directory: string; additionalRepositories: readonly RepositoryDraft[] };

/** With one more, which is still empty. Pure. */
export const addRepository = (rows: readonly RepositoryDraft[]): RepositoryDraft[] => {
  const key = Math.max(0, ...rows.map((row) => Number(row.key))) + 1;
  return [...rows, { key: String(key), repository: "", ref: "", directory: "" }];
};

/** The name of the field of a repository, by its place among the additional ones. */
export const repositoryField = (index: number, part: "repository" | "ref" | "directory"): string =>
  `additionalRepositories.${index}.${part}`;

/** Whether a field tells the folders, or the additional repositories, of a launch. */
export const isRepositoriesField = (field: string): boolean => /^(directory$|additionalRepositories\.)/.test(field);

const given = (key: "ref" | "directory", text: string): object => (text.trim() === "" ? {} : { [key]: text });

/** What the protocol is told of folders and of repositories beside the first one; nothing when there is no other. Pure. */
export const repositoriesInput = ({ directory, additionalRepositories }: Repositories): object =>
  additionalRepositories.length === 0
    ? {}
    : {
        ...given("directory", directory),
        additionalRepositories: additionalRepositories.map((row) => ({
          repository: row.repository,
          ...given("ref", row.ref),
          ...given("directory", row.directory),
        })),
      };

const placesOf = ({ repository, directory, additionalRepositories }: Repositories) =>
  [{ repository, directory }, ...additionalRepositories].map((each) => ({
    repository: each.repository,
    directory: each.directory.trim() === "" ? undefined : each.directory.trim(),
  }));

/** The folders that they get, in their order, the first one's first; where nothing is named yet, the text is empty. Pure. */
export const directoryNames = (draft: Repositories): string[] => {
  const places = placesOf(draft);
  const placed = directoriesFor(places);
  return places.map(({ repository }, index) => {
    if (repository.trim() === "") return "";
    return (placed.ok ? placed.directories[index] : undefined) ?? directoryOf(repository);
  });
};

const Part = CreateRunInput.pick({ directory: true, additionalRepositories: true });

/**
 * What is wrong with folders and with repositories beside the first one, by field: `directory`, `additionalRepositories.0.repository`. Of two that
 * cannot be together, the later one is named. Pure.
 */
export const repositoryProblems = (draft: Repositories): Map<string, string> => {
  const problems = new Map<string, string>();
  if (draft.additionalRepositories.length === 0) return problems;
  const note = (field: string, message: string): void => {
    if (!problems.has(field)) problems.set(field, message);
  };
  for (const { path, message } of Part.safeParse(repositoriesInput(draft)).error?.issues ?? [])
    note(path.map(String).join("."), message);
  const seen = new Set<string>();
  const places = placesOf(draft);
  for (const [place, each] of places.entries()) {
    const parsed = parseRepository(each.repository);
    if (parsed.ok) {
      const key = repositoryKey(parsed.address);
      if (seen.has(key))
        note(repositoryField(place - 1, "repository"), `'${parsed.address.display}' is named twice; name each repository once`);
      seen.add(key);
    } else if (place > 0) note(repositoryField(place - 1, "repository"), parsed.message);
    for (const earlier of places.slice(0, place)) {
      const placed = directoriesFor([earlier, each]);
      if (!placed.ok) note(repositoryField(place - 1, "directory"), placed.message);
    }
  }
  return problems;
};
