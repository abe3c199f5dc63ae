import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { type ErrorCode, WorkSnapshot, WorkspaceDiff } from "@ccr/protocol";
import { createGitRepository, startGitHttpServer, type TemporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { executorFolder, startExecutor, type TestExecutor } from "./testing/executor.ts";

const failure = (status: number, code: ErrorCode, says: RegExp) => ({
  status,
  json: { error: { code, message: expect.stringMatching(says) } },
});

/** Makes a repository, and gives what to ask an executor for to have it in the folder of that name. */
const repository = async (folder: TemporaryFolder, directory: string) => {
  const mirror = await createGitRepository({ bare: true, path: folder.join(`mirror-${directory}`), files: { a: directory } });
  const request = { repositoryUrl: `https://host.test/owner/${directory}`, mirrorPath: mirror.path, directory };
  return { request, commit: await mirror.commitId() };
};

const clone = async (executor: TestExecutor, request: object): Promise<void> => {
  const { status, text } = await executor.ask("POST", "/git-clone", request);
  if (status !== 200) throw new Error(text);
};

describe("an executor with several repositories", () => {
  it("gives snapshots and bundles of the one that is asked for, and the changes of all", async () => {
    await using folder = await executorFolder();
    const [api, web] = [await repository(folder, "api"), await repository(folder, "web")];
    await using executor = await startExecutor({ folder });
    const early = await executor.ask("POST", "/snapshot?directory=api");
    expect(early).toMatchObject(failure(404, "not_found", /folder 'api'.*no repository was cloned/));
    await clone(executor, { ...api.request, moreFollows: true });
    await clone(executor, web.request);
    await writeFile(folder.join("workspace/api/new"), "1\n");
    await writeFile(folder.join("workspace/web/a"), "2\n");
    const snapshotOf = async ({ request: { directory }, commit }: typeof api) => {
      const snapshot = WorkSnapshot.parse((await executor.ask("POST", `/snapshot?directory=${directory}`)).json);
      expect(snapshot).toMatchObject({ baseCommit: commit, headCommit: commit, branch: "main" });
      return { bundle: `/bundle?snapshot=${snapshot.snapshotCommit}`, commit };
    };
    // One may be taken before the bundle of the other is asked for.
    const snapshots = { api: await snapshotOf(api), web: await snapshotOf(web) };
    for (const [directory, other] of [
      ["api", "web"],
      ["web", "api"],
    ] as const) {
      const { bundle, commit } = snapshots[directory];
      const given = await executor.ask("GET", `${bundle}&directory=${directory}`);
      expect(given).toMatchObject({ status: 200, text: expect.stringMatching(/^# v2 git bundle\n/) });
      expect(given.text).toContain(`-${commit}`);
      expect(await executor.ask("GET", `${bundle}&directory=${other}`)).toMatchObject(
        failure(404, "not_found", /not the latest/),
      );
      expect(await executor.ask("GET", bundle)).toMatchObject(failure(409, "conflict", /\(api, web\)/));
    }
    expect(await executor.ask("POST", "/snapshot")).toMatchObject(failure(409, "conflict", /'directory' \(api, web\)/));
    const unknown = await executor.ask("POST", "/snapshot?directory=docs");
    expect(unknown).toMatchObject(failure(404, "not_found", /'docs'.*in api, web/));
    for (const name of ["..", "a/b", "", ".git", "%00"])
      expect(await executor.ask("POST", `/snapshot?directory=${name}`)).toMatchObject(failure(400, "bad_request", /directory/));
    const diff = WorkspaceDiff.parse((await executor.ask("GET", "/diff")).json);
    expect(diff.files.map(({ path, status }) => [path, status])).toEqual([
      ["api/new", "added"],
      ["web/a", "modified"],
    ]);
    expect(diff.baseCommit).toBe(api.commit);
    const check = await executor.ask("POST", "/check", { command: "ls" });
    expect(check.json).toMatchObject({ output: "api\nweb\n" });
  });

  it("names the workspace itself when the one repository is in that", async () => {
    await using folder = await executorFolder();
    const { request } = await repository(folder, "api");
    await using executor = await startExecutor({ folder });
    await clone(executor, { ...request, directory: undefined });
    const refused = await executor.ask("POST", "/snapshot?directory=api");
    expect(refused).toMatchObject(failure(404, "not_found", /in the workspace itself/));
    expect(await executor.ask("POST", "/git-clone", request)).toMatchObject(failure(409, "conflict", /workspace itself/));
  });

  it("has all of the first after it was killed in the middle of the second, and takes that again", async () => {
    await using folder = await executorFolder();
    const [api, web] = [await repository(folder, "api"), await repository(folder, "web")];
    await using server = await startGitHttpServer({ root: folder.path, fault: "hang" });
    {
      await using executor = await startExecutor({ folder });
      await clone(executor, api.request);
      await writeFile(folder.join("workspace/api/new"), "work");
      const { mirrorPath: _, ...remote } = web.request;
      const cloning = executor.ask("POST", "/git-clone", { ...remote, repositoryUrl: `${server.url}/mirror-web` });
      const cut = expect(cloning).rejects.toThrow();
      await waitFor(() => server.pending() > 0);
      await executor.end("SIGKILL");
      await cut;
    }
    expect((await readdir(folder.join("workspace"))).sort()).toEqual(["api", "web"]);
    await using executor = await startExecutor({ folder });
    const again = await executor.ask("POST", "/git-clone", api.request);
    expect(again.json).toEqual({ commit: api.commit, branch: "main" });
    expect(await readdir(folder.join("workspace"))).toEqual(["api"]);
    expect(await readFile(folder.join("workspace/api/new"), "utf8")).toBe("work");
    await clone(executor, web.request);
    const diff = WorkspaceDiff.parse((await executor.ask("GET", "/diff")).json);
    expect(diff.files.map(({ path }) => path)).toEqual(["api/new"]);
  });

  it("lets each repository not see what a set-up left in it", async () => {
    await using folder = await executorFolder();
    const [api, web] = [await repository(folder, "api"), await repository(folder, "web")];
    await using executor = await startExecutor({ folder });
    await clone(executor, { ...api.request, moreFollows: true });
    await clone(executor, { ...web.request, moreFollows: true });
    for (const name of ["home", "workspace/api/node_modules", "workspace/shared"])
      await mkdir(folder.join("left", name), { recursive: true });
    await writeFile(folder.join("left/workspace/api/node_modules/x"), "x");
    await writeFile(folder.join("left/workspace/shared/y"), "y");
    expect(await executor.ask("POST", "/restore", { from: folder.join("left") })).toMatchObject({ json: { skipped: [] } });
    expect(await readFile(folder.join("workspace/api/node_modules/x"), "utf8")).toBe("x");
    await mkdir(folder.join("workspace/web/node_modules"));
    await writeFile(folder.join("workspace/web/node_modules/x"), "of the agent");
    const diff = WorkspaceDiff.parse((await executor.ask("GET", "/diff")).json);
    expect(diff.files.map(({ path }) => path)).toEqual(["web/node_modules/x"]);
  });

  it("goes on after the agent has taken a folder away or put a link in its place", async () => {
    await using folder = await executorFolder();
    const [api, web] = [await repository(folder, "api"), await repository(folder, "web")];
    await using executor = await startExecutor({ folder });
    await clone(executor, api.request);
    await clone(executor, web.request);
    await rm(folder.join("workspace/api"), { recursive: true });
    const refuses = async (says: RegExp) => {
      expect(await executor.ask("POST", "/snapshot?directory=api")).toMatchObject(failure(409, "conflict", says));
      expect(await executor.ask("GET", "/diff")).toMatchObject(failure(409, "conflict", says));
      expect(await executor.ask("POST", "/snapshot?directory=web")).toMatchObject({ status: 200 });
    };
    await refuses(/'api' of the workspace is gone/);
    await symlink("web", folder.join("workspace/api"));
    await refuses(/'api' of the workspace was replaced/);
  });
});
