import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { createGitRepository, type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { excludeLine, restore } from "./restore.ts";

const exec = promisify(execFile);
const signal = new AbortController().signal;

const put = async (folder: TemporaryFolder, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(folder.join(path)), { recursive: true });
    await writeFile(folder.join(path), text);
  }
};

/** A workspace with these files in its one commit, or in that of a clone in each of these folders, and a home. */
const place = async (files: Record<string, string>, directories: readonly string[] = []) => {
  const folder = await temporaryFolder();
  for (const directory of directories.length === 0 ? ["."] : directories)
    await createGitRepository({ path: folder.join("workspace", directory), files });
  for (const name of ["home", "setup/home", "setup/workspace"]) await mkdir(folder.join(name), { recursive: true });
  const act = () =>
    restore(
      { from: folder.join("setup") },
      {
        workspace: folder.join("workspace"),
        directories,
        home: folder.join("home"),
        env: { PATH: process.env.PATH ?? "" },
        signal,
      },
    );
  return { folder, act, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

describe("restore", () => {
  it("brings folders, links, modes and what is beside tracked files, and lets git see none of it", async () => {
    await using here = await place({ "src/a.js": "a\n" });
    const { folder, act } = here;
    await put(folder, {
      "setup/workspace/node_modules/x/index.js": "x\n",
      "setup/workspace/src/gen [1].js ": "g\n",
      "setup/home/.cache/tool": "t\n",
    });
    await chmod(folder.join("setup/workspace/node_modules/x/index.js"), 0o755);
    await symlink("../../../elsewhere", folder.join("setup/workspace/node_modules/link"));
    expect(await act()).toEqual({ skipped: [] });
    expect(await readFile(folder.join("workspace/node_modules/x/index.js"), "utf8")).toBe("x\n");
    expect((await lstat(folder.join("workspace/node_modules/x/index.js"))).mode & 0o777).toBe(0o755);
    expect(await readlink(folder.join("workspace/node_modules/link"))).toBe("../../../elsewhere");
    expect(await readFile(folder.join("workspace/src/gen [1].js "), "utf8")).toBe("g\n");
    expect(await readFile(folder.join("home/.cache/tool"), "utf8")).toBe("t\n");
    const { stdout } = await exec("git", ["status", "--porcelain"], { cwd: folder.join("workspace") });
    expect(stdout).toBe("");
  });

  it("leaves alone what the repository has, and follows none of its links", async () => {
    await using here = await place({ "lib/kept.txt": "of the repository\n" });
    const { folder, act } = here;
    await mkdir(folder.join("outside"));
    await symlink("../outside", folder.join("workspace/vendor"));
    await put(folder, {
      "setup/workspace/lib/kept.txt": "of the set-up\n",
      "setup/workspace/lib/new.txt": "new\n",
      "setup/workspace/vendor/x": "x\n",
    });
    expect(await act()).toEqual({ skipped: expect.arrayContaining(["lib/kept.txt", "vendor"]) });
    expect(await readFile(folder.join("workspace/lib/kept.txt"), "utf8")).toBe("of the repository\n");
    expect(await readFile(folder.join("workspace/lib/new.txt"), "utf8")).toBe("new\n");
    await expect(lstat(folder.join("outside/x"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("replaces files of the home", async () => {
    await using here = await place({ a: "a\n" });
    await put(here.folder, { "home/.gitconfig": "old\n", "setup/home/.gitconfig": "new\n" });
    await here.act();
    expect(await readFile(here.folder.join("home/.gitconfig"), "utf8")).toBe("new\n");
  });

  it("brings names that are no text", async () => {
    await using here = await place({ a: "a\n" });
    const name = Buffer.concat([Buffer.from(here.folder.join("setup/workspace/")), Buffer.from([0x66, 0xff, 0x2d])]);
    await writeFile(name, "x");
    await here.act();
    const placed = Buffer.concat([Buffer.from(here.folder.join("workspace/")), Buffer.from([0x66, 0xff, 0x2d])]);
    expect(await readFile(placed, "utf8")).toBe("x");
    const { stdout } = await exec("git", ["status", "--porcelain"], { cwd: here.folder.join("workspace") });
    expect(stdout).toBe("");
  });
});

describe("restore beside clones in folders", () => {
  it("lets each clone's git not see what came into it, and nothing more", async () => {
    await using here = await place({ "src/a.js": "a\n" }, ["api", "api-docs", "web"]);
    const { folder, act } = here;
    await put(folder, {
      "setup/workspace/api/node_modules/x.js": "x\n",
      "setup/workspace/api/src/gen [1].js": "g\n",
      "setup/workspace/api/src/a.js": "of the set-up\n",
      "setup/workspace/web/dist/y.js": "y\n",
      "setup/workspace/api-docs/gen.js": "d\n",
      "setup/workspace/shared/z.js": "z\n",
      "setup/workspace/note": "n\n",
    });
    expect(await act()).toEqual({ skipped: ["api/src/a.js"] });
    expect(await readFile(folder.join("workspace/api/node_modules/x.js"), "utf8")).toBe("x\n");
    expect(await readFile(folder.join("workspace/shared/z.js"), "utf8")).toBe("z\n");
    await expect(lstat(folder.join("workspace/.git"))).rejects.toMatchObject({ code: "ENOENT" });
    const statusOf = async (directory: string) =>
      (await exec("git", ["status", "--porcelain"], { cwd: folder.join("workspace", directory) })).stdout;
    for (const directory of ["api", "api-docs", "web"]) expect(await statusOf(directory)).toBe("");
    // The same names in the other clones are work.
    await put(folder, {
      "workspace/web/node_modules/x.js": "1\n",
      "workspace/web/shared/z.js": "1\n",
      "workspace/api/dist/y.js": "1\n",
      "workspace/api/note": "1\n",
      "workspace/api/docs/gen.js": "1\n",
      "workspace/api-docs/node_modules/x.js": "1\n",
    });
    expect(await statusOf("web")).toBe("?? node_modules/\n?? shared/\n");
    expect(await statusOf("api")).toBe("?? dist/\n?? docs/\n?? note\n");
    expect(await statusOf("api-docs")).toBe("?? node_modules/\n");
  });
});

it("excludes one path and no other", () => {
  expect(excludeLine("a/b")).toBe("/a/b");
  expect(excludeLine("!a*[b]#  ")).toBe("/\\!a\\*\\[b\\]\\#\\ \\ ");
  expect(excludeLine("a\nb")).toBeNull();
});
