import { NO_NETWORK } from "@ccr/protocol";
import { expect, test } from "vitest";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { queueRun } from "../store/suite/place.ts";
import { createRepositories, shortName } from "./known-repositories.ts";

const unused = (): never => {
  throw new Error("not asked for here");
};

test("repositories of runs come before those that have an environment, each once, however it is written", async () => {
  await using store = await openSqliteStore({ path: IN_MEMORY });
  const repositories = createRepositories(store, { search: unused, branches: { list: unused } });
  await queueRun(store, { repository: "ada/engine" });
  const { id } = await store.environments.create({
    name: "E",
    image: { kind: "default" },
    setup: null,
    variables: {},
    ...NO_NETWORK,
  });
  for (const key of ["https://github.com/ada/engine", "https://github.com/ada/other", "https://git.example.org/x"])
    await store.environments.setDefault(key, id);
  expect((await repositories.recent()).map(({ repository, lastUsedAt }) => [repository, lastUsedAt !== null])).toEqual([
    ["ada/engine", true],
    ["https://git.example.org/x", false],
    ["ada/other", false],
  ]);
  await expect(repositories.branches("file:///etc", new AbortController().signal)).rejects.toMatchObject({ code: "bad_request" });
});

test.each([
  ["https://github.com/ada/engine.git", "ada/engine"],
  ["ada/engine", "ada/engine"],
  ["https://github.com/ada", "https://github.com/ada"],
  ["git@github.com:ada/engine", "git@github.com:ada/engine"],
])("%s is called %s", (repository, name) => {
  expect(shortName(repository)).toBe(name);
});
