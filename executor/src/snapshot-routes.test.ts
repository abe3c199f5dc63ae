import { mkdir, writeFile } from "node:fs/promises";
import { WorkSnapshot } from "@ccr/protocol";
import { createGitRepository } from "@ccr/testkit";
import { expect, it } from "vitest";
import { executorFolder, startExecutor } from "./testing/executor.ts";

it("serves snapshots, their bundles and conversations over its door", async () => {
  await using folder = await executorFolder();
  const repository = await createGitRepository({ bare: true, path: folder.join("mirror"), files: { a: "1" } });
  await using executor = await startExecutor({ folder });
  const unborn = WorkSnapshot.parse((await executor.ask("POST", "/snapshot")).json);
  expect(unborn).toMatchObject({ baseCommit: null, headCommit: null, branch: null });
  const cloned = await executor.ask("POST", "/git-clone", {
    repositoryUrl: "https://host.test/a/b",
    mirrorPath: repository.path,
  });
  expect(cloned.status).toBe(200);
  await writeFile(folder.join("workspace/new"), "2");
  const snapshot = WorkSnapshot.parse((await executor.ask("POST", "/snapshot")).json);
  expect(snapshot).toMatchObject({
    baseCommit: await repository.commitId(),
    headCommit: await repository.commitId(),
    branch: "main",
  });
  const bundle = await executor.ask("GET", `/bundle?snapshot=${snapshot.snapshotCommit}`);
  expect(bundle.status).toBe(200);
  expect(bundle.headers["content-type"]).toBe("application/octet-stream");
  expect(bundle.text).toMatch(/^# v2 git bundle\n/);
  expect(Number(bundle.headers["content-length"])).toBeGreaterThan(100);
  expect((await executor.ask("GET", `/bundle?snapshot=${unborn.snapshotCommit}`)).status).toBe(404);
  expect((await executor.ask("GET", "/bundle?snapshot=HEAD")).status).toBe(400);
  const session = "01234567-89ab-4def-8123-456789abcdef";
  expect((await executor.ask("GET", `/conversation?session=${session}`)).status).toBe(404);
  await mkdir(folder.join("home/.claude/projects/-workspace"), { recursive: true });
  await writeFile(folder.join(`home/.claude/projects/-workspace/${session}.jsonl`), "one\ntwo\n");
  expect((await executor.ask("GET", `/conversation?session=${session}&after=4`)).text).toBe("two\n");
  expect((await executor.ask("GET", `/conversation?session=${session}&after=99`)).status).toBe(409);
  expect((await executor.ask("GET", "/conversation?session=..%2f..%2fstate")).status).toBe(400);
});
