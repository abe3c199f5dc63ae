import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folders.ts";
import { createGitRepository } from "./repositories.ts";

test("a temporary folder is gone after its scope, with what it held", async () => {
  let path = "";
  {
    await using folder = await temporaryFolder();
    path = folder.path;
    await using repository = await createGitRepository({ path: folder.join("r"), files: { "a.txt": "a" } });
    expect(existsSync(`${repository.path}/.git`)).toBe(true);
  }
  expect(existsSync(path)).toBe(false);
});

test("the same content gives the same commit ids", async () => {
  const options = { files: { "a.txt": "a\n" }, commits: [{ message: "Change", files: { "a.txt": "b\n" } }] };
  await using one = await createGitRepository(options);
  await using two = await createGitRepository({ ...options, bare: true });
  expect(await one.commitId()).toBe(await two.commitId());
  expect(await one.git("log", "--format=%s %an %aI")).toBe(
    "Change Ada Example 2026-01-01T12:01:00+00:00\nBegin Ada Example 2026-01-01T12:00:00+00:00",
  );
});

test("makes branches, tags, a thousand files, a removal and later commits", async () => {
  await using repository = await createGitRepository({
    thousandFiles: true,
    files: { "README.md": "hi\n", "old.txt": "x" },
    commits: [{ message: "Remove", files: { "old.txt": null } }],
    branches: { "work/one": { "one.txt": "1" } },
    tags: ["v1"],
  });
  expect((await repository.git("ls-files")).split("\n")).toHaveLength(1001);
  expect(await repository.git("show", "work/one:one.txt")).toBe("1");
  expect(await repository.commitId("v1")).toBe(await repository.commitId("main"));
  const later = await repository.commit({ message: "Later", files: { "b.txt": "b" } });
  expect(await repository.commitId()).toBe(later);
});

test("without content the repository has no commit", async () => {
  await using repository = await createGitRepository();
  await expect(repository.commitId()).rejects.toThrow("git rev-parse");
  expect(await repository.git("symbolic-ref", "HEAD")).toBe("refs/heads/main");
});
