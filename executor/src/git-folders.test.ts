import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createGitRepository } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { gitClone } from "./git-clone.ts";
import { initGit } from "./git-init.ts";
import { runCommand } from "./run-command.ts";
import { input, place } from "./testing/git-place.ts";

describe("gitClone into folders", () => {
  const files = { a: "1" };
  const conflict = (says: RegExp) => ({ code: "conflict", message: expect.stringMatching(says) });

  it("has repositories side by side, each with its ref, its origin and the trailer of its commits", async () => {
    await using here = await place();
    await using api = await createGitRepository({ bare: true, files: { "api.txt": "1" }, branches: { next: { b: "2" } } });
    await using web = await createGitRepository({ bare: true, files: { "web.txt": "1" }, tags: ["v1"] });
    const trailer = "Claude-Code-Run: http://runner.test/runs/run_0123456789";
    await initGit({ commitTrailer: trailer }, here);
    const options = await here.options();
    const first = input({ mirrorPath: api.path, directory: "api", ref: "next", moreFollows: true });
    expect(await gitClone(first, options)).toEqual({ commit: await api.commitId("next"), branch: "next" });
    const second = input({
      repositoryUrl: "https://host.test/owner/web",
      mirrorPath: web.path,
      directory: "web.site",
      ref: "v1",
    });
    expect(await gitClone(second, options)).toEqual({ commit: await web.commitId("v1"), branch: null });
    expect((await readdir(here.workspace)).sort()).toEqual(["api", "web.site"]);
    expect(await readFile(here.file("api/api.txt"), "utf8")).toBe("1");
    expect(await here.inWorkspace("-C", "api", "rev-parse", "--abbrev-ref", "next@{upstream}")).toBe("origin/next");
    expect(await here.inWorkspace("-C", "api", "remote", "get-url", "origin")).toBe("https://host.test/owner/name.git");
    expect(await here.inWorkspace("-C", "web.site", "remote", "get-url", "origin")).toBe("https://host.test/owner/web");
    for (const directory of ["api", "web.site"]) {
      expect(await here.inWorkspace("-C", directory, "status", "--porcelain")).toBe("");
      // As an agent does it, with hooks.
      await runCommand("git", ["commit", "-q", "--allow-empty", "-m", "One"], { cwd: here.file(directory), env: here.env });
      expect(await here.inWorkspace("-C", directory, "log", "-1", "--format=%B")).toBe(`One\n\n${trailer}\n`);
    }
  });

  it("gives the first result to the same request, also after a restart, and refuses another for the folder", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files, branches: { side: { b: "2" } } });
    const api = input({ mirrorPath: mirror.path, directory: "api", moreFollows: true });
    const web = input({ mirrorPath: mirror.path, directory: "web", ref: "side" });
    const results = [await gitClone(api, await here.options()), await gitClone(web, await here.options())];
    expect(results[0]).not.toEqual(results[1]);
    await writeFile(here.file("api/new"), "work of the agent");
    const again = [await gitClone(api, await here.options()), await gitClone(web, await here.options())];
    expect(again).toEqual(results);
    // What follows makes it no other repository.
    expect(await gitClone({ ...api, moreFollows: false }, await here.options())).toEqual(results[0]);
    expect(await readFile(here.file("api/new"), "utf8")).toBe("work of the agent");
    const other = gitClone({ ...api, ref: "side" }, await here.options());
    await expect(other).rejects.toMatchObject(conflict(/into the folder 'api' of the workspace before/));
    await rm(here.file("api"), { recursive: true });
    const late = gitClone({ ...api, ref: "side" }, await here.options());
    await expect(late).rejects.toMatchObject(conflict(/before/));
    expect(await readdir(here.workspace)).toEqual(["web"]);
    const options = await here.options();
    expect(await gitClone(api, options)).toEqual(results[0]);
    expect(options.state.get().clones.map(({ request }) => request.directory)).toEqual(["api", "web"]);
  });

  it("is either in the workspace itself or in folders of it, and in none that is another one on some disks", async () => {
    await using mirror = await createGitRepository({ bare: true, files });
    const request = input({ mirrorPath: mirror.path });
    await using here = await place();
    await gitClone({ ...request, directory: "api" }, await here.options());
    const itself = gitClone(request, await here.options());
    await expect(itself).rejects.toMatchObject(conflict(/in folders of the workspace \(api\)/));
    const alike = gitClone({ ...request, directory: "API" }, await here.options());
    await expect(alike).rejects.toMatchObject(conflict(/'API' differs from 'api'.* in case alone/));
    expect(await readdir(here.workspace)).toEqual(["api"]);
    await using there = await place();
    await gitClone(request, await there.options());
    const below = gitClone({ ...request, directory: "api" }, await there.options());
    await expect(below).rejects.toMatchObject(conflict(/a repository in the workspace itself/));
    expect((await readdir(there.workspace)).sort()).toEqual([".git", "a"]);
  });

  it("takes a folder that is empty, beside whatever there is, and no other and no link", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files });
    await mkdir(here.folder.join("outside"));
    await mkdir(here.file("empty"));
    await mkdir(here.file("full"));
    await writeFile(here.file("full/precious"), "x");
    await symlink(here.folder.join("outside"), here.file("link"));
    await symlink(here.folder.join("nowhere"), here.file("dangling"));
    const request = input({ mirrorPath: mirror.path });
    for (const directory of ["full", "link", "dangling"]) {
      const refused = gitClone({ ...request, directory }, await here.options());
      await expect(refused).rejects.toMatchObject(conflict(new RegExp(`'${directory}' of the workspace is not empty`)));
    }
    expect(await gitClone({ ...request, directory: "empty" }, await here.options())).toMatchObject({ branch: "main" });
    expect((await readdir(here.workspace)).sort()).toEqual(["dangling", "empty", "full", "link"]);
    expect(await readdir(here.file("full"))).toEqual(["precious"]);
    expect(await readdir(here.folder.join("outside"))).toEqual([]);
  });

  it("leaves the first one alone when the second fails, and nothing of the second", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files });
    const api = input({ mirrorPath: mirror.path, directory: "api" });
    const result = await gitClone(api, await here.options());
    await writeFile(here.file("api/new"), "work");
    const web = input({ mirrorPath: mirror.path, directory: "web" });
    const failing = gitClone({ ...web, ref: "nothing" }, await here.options());
    await expect(failing).rejects.toMatchObject({ code: "not_found", message: expect.stringMatching(/'nothing'/) });
    expect(await readdir(here.workspace)).toEqual(["api"]);
    expect(await readFile(here.file("api/new"), "utf8")).toBe("work");
    expect(await gitClone(api, await here.options())).toEqual(result);
    expect(await gitClone(web, await here.options())).toEqual(result);
  });

  it("clears away the half of the second that a crash left, whichever is asked for next, and nothing of the first", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files });
    const api = input({ mirrorPath: mirror.path, directory: "api" });
    const result = await gitClone(api, await here.options());
    await writeFile(here.file("api/new"), "work");
    for (const next of [api, input({ mirrorPath: mirror.path, directory: "web" })]) {
      await mkdir(here.file("web/.git"), { recursive: true });
      await (await here.options()).state.update({ cloning: { directory: "web" } });
      const options = await here.options();
      expect(await gitClone(next, options)).toEqual(result);
      expect(options.state.get().cloning).toBeNull();
      expect((await readdir(here.workspace)).sort()).toEqual(next === api ? ["api"] : ["api", "web"]);
      expect(await readFile(here.file("api/new"), "utf8")).toBe("work");
    }
    expect(await readFile(here.file("web/a"), "utf8")).toBe("1");
  });
});
