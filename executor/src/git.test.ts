import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createGitRepository, startGitHttpServer, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { git, lastGitLine } from "./git.ts";
import { gitClone } from "./git-clone.ts";
import { initGit, sshCommand, templateFolder } from "./git-init.ts";
import { runCommand } from "./run-command.ts";
import { input, place } from "./testing/git-place.ts";

describe("initGit", () => {
  it("works without anything and again, and gives sensible defaults", async () => {
    await using here = await place();
    for (let round = 0; round < 2; round += 1) {
      expect(await initGit({}, here)).toEqual({ githubUsername: null, email: null, sshKey: false, warning: null });
    }
    expect(await here.config("user.name")).toBe("claude-code-runner");
    expect(await here.config("user.email")).toMatch(/^noreply@/);
    expect(await here.config("safe.directory")).toBe("*");
    expect(await here.config("init.defaultBranch")).toBe("main");
    expect(await readdir(here.home)).not.toContain(".ssh");
  });

  it("lets commits of a clone tell where they come from, once each, and only when that is asked for", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files: { a: "1" } });
    const trailer = "Claude-Code-Run: http://runner.test/runs/run_0123456789";
    await initGit({ commitTrailer: trailer }, here);
    await gitClone(input({ mirrorPath: mirror.path }), await here.options());
    // As an agent does it, with hooks.
    const commit = (...args: string[]) =>
      runCommand("git", ["commit", "-q", "--allow-empty", ...args], { cwd: here.workspace, env: here.env });
    await commit("-m", "One");
    expect(await here.inWorkspace("log", "-1", "--format=%B")).toBe(`One\n\n${trailer}\n`);
    await commit("-m", `Two\n\n${trailer}`);
    await commit("--amend", "--no-edit");
    expect(await here.inWorkspace("log", "-1", "--format=%(trailers:key=Claude-Code-Run,valueonly)")).toBe(
      "http://runner.test/runs/run_0123456789\n",
    );
    await initGit({}, here);
    expect(existsSync(templateFolder(here.home))).toBe(false);
  });

  it("takes a name and an address, and blank fields as left out", async () => {
    await using here = await place();
    expect(await initGit({ githubUsername: "octocat", email: " ", sshPrivateKey: "", sshPublicKey: "\n" }, here)).toEqual({
      githubUsername: "octocat",
      email: null,
      sshKey: false,
      warning: null,
    });
    expect(await here.config("user.email")).toBe("octocat@users.noreply.github.com");
    await initGit({ email: "-c@x.test" }, here);
    expect(await here.config("user.email")).toBe("-c@x.test");
  });

  it("writes a key that ssh can use for its user alone, and makes git use it", async () => {
    await using here = await place();
    await runCommand("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", here.folder.join("key")], {
      cwd: here.home,
      env: here.env,
    });
    const sshPrivateKey = await readFile(here.folder.join("key"), "utf8");
    // As a web form sends it.
    const result = await initGit({ sshPrivateKey: sshPrivateKey.replaceAll("\n", "\r\n").trim() }, here);
    expect(result).toEqual({ githubUsername: null, email: null, sshKey: true, warning: null });
    const key = `${here.home}/.ssh/id_claude_code_runner`;
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect((await stat(`${here.home}/.ssh`)).mode & 0o777).toBe(0o700);
    expect(await readFile(key, "utf8")).toBe(sshPrivateKey);
    expect(await readFile(`${key}.pub`, "utf8")).toContain((await readFile(here.folder.join("key.pub"), "utf8")).split(" ")[1]);
    const command = await here.config("core.sshCommand");
    expect(command).toContain("StrictHostKeyChecking=accept-new");
    expect(command).toContain(key);
  });

  it("keeps a key that ssh cannot read as it was given, with a warning that does not repeat it", async () => {
    await using here = await place();
    const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----";
    const result = await initGit({ githubUsername: "octocat", sshPrivateKey: secret, sshPublicKey: "ssh-ed25519 AAAA" }, here);
    expect(result).toMatchObject({ githubUsername: "octocat", sshKey: true, warning: expect.stringContaining("sshPrivateKey") });
    expect(JSON.stringify(result)).not.toContain("c2VjcmV0");
    const key = `${here.home}/.ssh/id_claude_code_runner`;
    expect(await readFile(key, "utf8")).toBe(`${secret}\n`);
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(`${key}.pub`, "utf8")).toBe("ssh-ed25519 AAAA\n");
    expect(await here.config("user.name")).toBe("octocat");
    await expect(initGit({ sshPublicKey: "ssh-ed25519 AAAA" }, here)).rejects.toMatchObject({ code: "bad_request" });
  });

  it("quotes a home with spaces and quotes for the shell that git starts", () => {
    expect(sshCommand("/home/it's me", true)).toContain(`'/home/it'\\''s me/.ssh/id_claude_code_runner'`);
  });
});

describe("gitClone", () => {
  it("clones the default branch from a mirror, with origin at the real address and no link to the mirror", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({
      bare: true,
      files: { "a.txt": "one\n", "dir/b.txt": "two\n" },
      branches: { side: { c: "3" } },
    });
    const result = await gitClone(input({ mirrorPath: mirror.path }), await here.options());
    expect(result).toEqual({ commit: await mirror.commitId(), branch: "main" });
    expect(await readFile(`${here.workspace}/dir/b.txt`, "utf8")).toBe("two\n");
    expect(await here.inWorkspace("remote", "get-url", "origin")).toBe("https://host.test/owner/name.git");
    expect(await here.inWorkspace("rev-parse", "--abbrev-ref", "main@{upstream}")).toBe("origin/main");
    expect(await here.inWorkspace("status", "--porcelain")).toBe("");
    expect(await readdir(`${here.workspace}/.git`)).not.toContain("hooks");
    expect(await readdir(`${here.workspace}/.git/objects/info`).catch(() => [])).not.toContain("alternates");
    for (const object of await readdir(`${here.workspace}/.git/objects`, { recursive: true, withFileTypes: true })) {
      if (object.isFile()) expect((await stat(`${object.parentPath}/${object.name}`)).nlink).toBe(1);
    }
  });

  it("checks out a branch, a tag, a commit and a short commit", async () => {
    await using mirror = await createGitRepository({
      bare: true,
      files: { a: "1" },
      commits: [{ message: "two", files: { a: "2" } }],
      branches: { "feature/x": { b: "1" } },
      tags: ["v1"],
    });
    const first = await mirror.commitId("main~1");
    for (const [ref, expected] of [
      ["feature/x", { commit: await mirror.commitId("feature/x"), branch: "feature/x" }],
      ["v1", { commit: await mirror.commitId("v1"), branch: null }],
      [first, { commit: first, branch: null }],
      [first.slice(0, 9), { commit: first, branch: null }],
    ] as const) {
      await using here = await place();
      expect(await gitClone(input({ mirrorPath: mirror.path, ref }), await here.options())).toEqual(expected);
      expect(await here.inWorkspace("rev-parse", "HEAD")).toBe(expected.commit);
    }
  });

  it("gives the first result to the same request, also after a restart, and refuses another", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files: { a: "1" } });
    const request = input({ mirrorPath: mirror.path });
    const result = await gitClone(request, await here.options());
    await writeFile(`${here.workspace}/new`, "work of the agent");
    await here.inWorkspace("commit", "--allow-empty", "-qm", "work", "--author", "a <a@b>").catch(() => {});
    expect(await gitClone(request, await here.options())).toEqual(result);
    expect(await readFile(`${here.workspace}/new`, "utf8")).toBe("work of the agent");
    await expect(gitClone(input({ mirrorPath: mirror.path, ref: "main" }), await here.options())).rejects.toMatchObject({
      code: "conflict",
    });
  });

  it("refuses a workspace that holds something, and touches nothing of it", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files: { a: "1" } });
    await writeFile(`${here.workspace}/precious`, "x");
    await expect(gitClone(input({ mirrorPath: mirror.path }), await here.options())).rejects.toMatchObject({ code: "conflict" });
    expect(await readdir(here.workspace)).toEqual(["precious"]);
  });

  it("clears away the half of a clone that a crash left, and clones again", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files: { a: "1" } });
    await mkdir(`${here.workspace}/.git`);
    const options = await here.options();
    await options.state.update({ cloning: {} });
    expect(await gitClone(input({ mirrorPath: mirror.path }), options)).toMatchObject({ branch: "main" });
  });

  it.each([
    ["an empty repository", { bare: true }, {}, "unprocessable", /empty/],
    ["a missing branch", { bare: true, files: { a: "1" } }, { ref: "nothing" }, "not_found", /'nothing'/],
    [
      "a missing commit",
      { bare: true, files: { a: "1" } },
      { ref: "0123456789abcdef0123456789abcdef01234567" },
      "not_found",
      /0123456789/,
    ],
  ])("says so and leaves the workspace empty for %s", async (_name, repository, fields, code, says) => {
    await using here = await place();
    await using mirror = await createGitRepository(repository);
    const failing = gitClone(input({ mirrorPath: mirror.path, ...fields }), await here.options());
    await expect(failing).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect(await readdir(here.workspace)).toEqual([]);
  });

  it("names the branches when the default one is not there", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files: { a: "1" } });
    await mirror.git("symbolic-ref", "HEAD", "refs/heads/gone");
    await expect(gitClone(input({ mirrorPath: mirror.path }), await here.options())).rejects.toMatchObject({
      code: "unprocessable",
      message: expect.stringContaining("main"),
    });
  });

  it("clones over HTTP, and tells git's reason when that fails", async () => {
    await using root = await temporaryFolder();
    await using _repository = await createGitRepository({ bare: true, path: root.join("name.git"), files: { a: "1" } });
    await using server = await startGitHttpServer({ root: root.path });
    await using here = await place();
    const options = await here.options();
    expect(await gitClone(input({ repositoryUrl: `${server.url}/name.git` }), options)).toMatchObject({ branch: "main" });
    await using there = await place();
    for (const [url, says] of [
      [`${server.url}/missing.git`, /not found/],
      ["http://127.0.0.1:9/name.git", /connect/i],
    ] as const) {
      await expect(gitClone(input({ repositoryUrl: url }), await there.options())).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringMatching(says),
      });
      expect(await readdir(there.workspace)).toEqual([]);
    }
  });

  it("stops when nobody waits any more", async () => {
    await using root = await temporaryFolder();
    await using server = await startGitHttpServer({ root: root.path, fault: "hang" });
    await using here = await place();
    const stop = new AbortController();
    const cloning = gitClone(input({ repositoryUrl: `${server.url}/name.git` }), {
      ...(await here.options()),
      signal: stop.signal,
    });
    const failed = expect(cloning).rejects.toMatchObject({ code: "timeout" });
    while (server.pending() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await failed;
    expect(await readdir(here.workspace)).toEqual([]);
  });

  it.each([
    [{ repositoryUrl: "/etc" }, /mirrorPath/],
    [{ repositoryUrl: "file:///etc" }, /file:/],
    [{ repositoryUrl: "ext::sh -c touch$IFS/tmp/x" }, /repositoryUrl/],
    [{ repositoryUrl: "--upload-pack=touch /tmp/x" }, /starts with '-'/],
    [{ repositoryUrl: "ssh://-oProxyCommand=x/y" }, /repositoryUrl/],
    [{ repositoryUrl: "https://user:token@host.test/r.git" }, /credential/],
    [{ mirrorPath: "/a/../etc" }, /mirrorPath/],
    [{ ref: "--upload-pack=x" }, /ref/],
    [{ ref: "a..b" }, /ref/],
    [{ ref: "x@{1}" }, /ref/],
    [{ ref: "a b" }, /ref/],
    [{ ref: "refs/../x" }, /ref/],
  ])("refuses %j before git is called", async (fields, says) => {
    await using here = await place();
    const failure = await gitClone(input(fields), await here.options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "bad_request", message: expect.stringMatching(says) });
    expect(String(failure)).not.toContain("token@");
    expect(await readdir(here.home)).toEqual([]);
  });

  it("runs nothing that a repository brings: hooks, submodules, LFS filters, links out of it", async () => {
    await using here = await place();
    await using source = await createGitRepository({
      files: {
        ".gitmodules": '[submodule "x"]\n\tpath = sub\n\turl = ext::sh -c "touch PWNED"\n',
        ".gitattributes": "*.bin filter=lfs\n",
        "big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "hooks/post-checkout": "#!/bin/sh\ntouch PWNED\n",
      },
    });
    await symlink("/etc/passwd", `${source.path}/link`);
    await source.commit({ message: "link", files: {} });
    const options = await here.options();
    await git(["config", "--global", "core.hooksPath", `${source.path}/hooks`], { cwd: here.home, env: here.env });
    expect(await gitClone(input({ mirrorPath: source.path }), options)).toMatchObject({ branch: "main" });
    expect(await readdir(here.workspace)).not.toContain("PWNED");
    expect(await readFile(`${here.workspace}/big.bin`, "utf8")).toContain("git-lfs");
  });
});

describe("lastGitLine", () => {
  it("finds the line that tells the reason", () => {
    expect(lastGitLine("Cloning into 'x'...\nfatal: could not read Username\n")).toBe("could not read Username");
    expect(lastGitLine("remote: Repository not found.\nfatal: repository 'x' not found\n")).toBe("repository 'x' not found");
    expect(lastGitLine("")).toBe("git gave no reason");
  });
});
