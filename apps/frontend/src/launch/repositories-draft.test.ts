import { describe, expect, test } from "vitest";
import {
  addRepository,
  directoryNames,
  type RepositoryDraft,
  repositoriesInput,
  repositoryProblems,
} from "./repositories-draft.ts";

const row = (repository: string, change: Partial<RepositoryDraft> = {}): RepositoryDraft => ({
  ...{ key: repository, repository, ref: "", directory: "" },
  ...change,
});
const draft = (rows: RepositoryDraft[], directory = "") => ({ repository: "acme/api", directory, additionalRepositories: rows });
const problems = (rows: RepositoryDraft[], directory = "") => Object.fromEntries(repositoryProblems(draft(rows, directory)));

test("one more has a key of its own, also after one was removed", () => {
  const [first, second, third] = addRepository(addRepository(addRepository([])));
  expect([first?.key, second?.key, third?.key]).toEqual(["1", "2", "3"]);
  const left = [first, third].filter((each) => each !== undefined);
  expect(addRepository(left).map(({ key }) => key)).toEqual(["1", "3", "4"]);
});

test("a repository that is alone has no folder", () => {
  expect(repositoriesInput(draft([], "mine"))).toEqual({});
  expect(problems([], "a b")).toEqual({});
});

test("what was left empty is left out", () => {
  expect(repositoriesInput(draft([row("acme/web"), row("acme/docs", { ref: "dev", directory: "text" })], " "))).toEqual({
    additionalRepositories: [{ repository: "acme/web" }, { repository: "acme/docs", ref: "dev", directory: "text" }],
  });
  expect(repositoriesInput(draft([row("acme/web")], "mine"))).toEqual({
    directory: "mine",
    additionalRepositories: [{ repository: "acme/web" }],
  });
});

test("folders are called after their repositories, and no two alike", () => {
  expect(directoryNames(draft([row("other/api"), row(" "), row("acme/web", { directory: "api-3" })]))).toEqual([
    "api",
    "api-2",
    "",
    "api-3",
  ]);
  // Two that were given the same one are to be told what they would be called instead.
  expect(directoryNames(draft([row("acme/web", { directory: "x" })], "x"))).toEqual(["api", "web"]);
});

describe("is wrong", () => {
  test("a repository that is named twice, in whichever way, at the later one", () => {
    expect(problems([row("acme/web"), row("https://github.com/acme/api.git")])).toEqual({
      "additionalRepositories.1.repository": "'https://github.com/acme/api.git' is named twice; name each repository once",
    });
    expect(problems([row("acme/web"), row("other/api")])).toEqual({});
  });

  test("an address that is none", () => {
    expect(problems([row("acme/web"), row("../x")])).toEqual({
      "additionalRepositories.1.repository": "the address has a '..' in its path",
    });
  });

  test("a repository that is empty", () => {
    expect(problems([row(" ")])).toEqual({
      "additionalRepositories.0.repository": "the repository is empty: give owner/name, a URL or a local path",
    });
  });

  test("a folder that two are given, at the later one", () => {
    expect(problems([row("acme/web", { directory: "mine" }), row("acme/docs", { directory: " Mine " })])).toEqual({
      "additionalRepositories.1.directory": "two repositories cannot both be in the folder 'Mine'",
    });
    expect(problems([row("acme/web", { directory: "mine" }), row("acme/docs")], "mine")).toEqual({
      "additionalRepositories.0.directory": "two repositories cannot both be in the folder 'mine'",
    });
  });

  test("a folder that is no plain name", () => {
    expect(problems([row("acme/web", { directory: "web.git" })], "a/b")).toEqual({
      directory: "the folder must be a plain name: letters, digits, '.', '_' and '-'",
      "additionalRepositories.0.directory": "the folder cannot have two dots in a row, or end with '.git', '.lock' or a dot",
    });
  });
});
