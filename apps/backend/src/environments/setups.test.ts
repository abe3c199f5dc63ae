import { execFile } from "node:child_process";
import { chmod, link, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { EnvironmentId, RunId } from "@ccr/protocol";
import { type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { removeFolder } from "../runs/places.ts";
import { createSetups } from "./setups.ts";

const run = promisify(execFile);
const environmentId = EnvironmentId.parse("env_0123456789");
const KEY = "a".repeat(64);
const FROM = { runId: RunId.parse("run_0123456789"), repositories: [{ repository: "acme/tools", commit: "5d41402a" }] };
const signal = new AbortController().signal;

const put = async (folder: TemporaryFolder, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(folder.join(path)), { recursive: true });
    await writeFile(folder.join(path), text);
  }
};

/** What a dead sandbox left, and where it is kept. */
const place = async (files: Record<string, string> = {}) => {
  const folder = await temporaryFolder();
  await put(folder, { "workspace/.git/config": "evil\n", "workspace/src/tracked.js": "x\n", "home/.bashrc": "\n", ...files });
  const setups = createSetups({ folder: folder.join("cache"), removeFolder });
  const keep = (options: { secrets?: Record<string, string>; tracked?: string[]; directories?: string[]; key?: string } = {}) => {
    const { secrets = {}, tracked = ["src/tracked.js"], directories = [], key = KEY } = options;
    const left = {
      ...{ workspace: folder.join("workspace"), home: folder.join("home"), tracked, directories, secrets, environmentId },
      from: FROM,
    };
    return setups.keep(key, left, signal);
  };
  const kept = (path: string) => folder.join("cache", KEY, path);
  return { folder, setups, keep, kept, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

describe("what a set-up left", () => {
  it("is kept without git's folder and without what git tracks, as the largest wholes", async () => {
    await using here = await place({
      "workspace/node_modules/a/index.js": "a\n",
      "workspace/src/made.js": "m\n",
      "home/.cache/x": "c\n",
      "home/.claude/settings.json": "{}",
      "home/.claude.json": "{}",
    });
    await here.keep();
    expect(await readdir(here.kept("workspace"))).toEqual(["node_modules", "src"]);
    expect(await readdir(here.kept("workspace/src"))).toEqual(["made.js"]);
    expect(await readdir(here.kept("home"))).toEqual([".bashrc", ".cache"]);
    const held = await here.setups.take(KEY);
    expect(held).toMatchObject({ path: here.kept("").replace(/\/$/, "") });
    expect(await here.setups.remove(KEY, { usedBefore: new Date(Date.now() + 1000) })).toBe(false);
    held?.[Symbol.dispose]();
    expect(await here.setups.list()).toMatchObject([
      { name: KEY, environmentId, isHeld: false, bytes: expect.any(Number), madeAt: held?.madeAt, from: FROM },
    ]);
    expect(await here.setups.remove(KEY, { usedBefore: new Date(0) })).toBe(false);
    expect(await here.setups.remove(KEY, { usedBefore: new Date(Date.now() + 1000) })).toBe(true);
    expect(await here.setups.take(KEY)).toBeNull();
    expect(await here.setups.remove("../x", { usedBefore: new Date() })).toBe(false);
  });

  it("is kept of several repositories without the git folder of any, and each where it was", async () => {
    await using here = await place({
      "workspace/api/.git/config": "evil\n",
      "workspace/api/a.js": "a\n",
      "workspace/api/node_modules/x": "x\n",
      "workspace/web/.git/config": "evil\n",
      "workspace/web/made": "m\n",
      "workspace/shared/y": "y\n",
    });
    await here.keep({ tracked: ["src/tracked.js", "api/a.js"], directories: ["src", "api", "web"] });
    expect((await readdir(here.kept("workspace"), { recursive: true })).sort()).toEqual([
      "api",
      "api/node_modules",
      "api/node_modules/x",
      "shared",
      "shared/y",
      "web",
      "web/made",
    ]);
  });

  it("leads nowhere: links stay links, pipes and rights go, what lies in the place of the repository's folders is left", async () => {
    await using here = await place({ "outside/secret": "of the host\n", "workspace/deps/x": "x\n" });
    const { folder } = here;
    await symlink(folder.join("outside"), folder.join("workspace/deps/out"));
    await run("mkfifo", [folder.join("workspace/deps/pipe")]);
    await chmod(folder.join("workspace/deps/x"), 0o6755);
    await link(folder.join("workspace/deps/x"), folder.join("workspace/deps/y"));
    await run("rm", ["-r", folder.join("workspace/src")]);
    await symlink(folder.join("outside"), folder.join("workspace/src"));
    await here.keep();
    expect(await readdir(here.kept("workspace"))).toEqual(["deps"]);
    expect((await readdir(here.kept("workspace/deps"))).sort()).toEqual(["out", "x", "y"]);
    expect(await readlink(here.kept("workspace/deps/out"))).toBe(folder.join("outside"));
    expect((await lstat(here.kept("workspace/deps/x"))).mode & 0o7777).toBe(0o755);
    expect(await readFile(folder.join("outside/secret"), "utf8")).toBe("of the host\n");
  });

  it.each([
    [
      "a file",
      async (folder: TemporaryFolder, secret: string) => writeFile(folder.join("home/.npmrc"), `x\n//r/:_authToken=${secret}\n`),
      "~/.npmrc",
    ],
    [
      "the middle of a large file",
      async (folder: TemporaryFolder, secret: string) => {
        const filler = Buffer.alloc(1024 * 1024 - 7, "x");
        await writeFile(folder.join("workspace/large"), Buffer.concat([filler, Buffer.from(secret), filler]));
      },
      "large",
    ],
    [
      "base64 of something longer",
      async (folder: TemporaryFolder, secret: string) =>
        writeFile(folder.join("workspace/auth"), Buffer.from(`me:${secret}:and more`).toString("base64")),
      "auth",
    ],
    [
      "a link",
      async (folder: TemporaryFolder, secret: string) => symlink(`https://me:${secret}@host`, folder.join("home/link")),
      "~/link",
    ],
    ["a name", async (folder: TemporaryFolder, secret: string) => writeFile(folder.join("workspace", `x-${secret}`), ""), "x-"],
  ])("is not kept with a secret in %s", async (_, leave, named) => {
    await using here = await place();
    const secret = "s3cret.value+of-some-length";
    await leave(here.folder, secret);
    const error: unknown = await here
      .keep({ secrets: { OTHER: "another-value-1", TOKEN: secret } })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "unprocessable",
      message: expect.stringContaining(`The secret TOKEN is still in ${named}`),
    });
    expect(await readdir(here.folder.join("cache"))).toEqual([]);
  });

  it("is refused when it is nested too deep, or cannot be looked through", async () => {
    await using here = await place();
    await run("bash", ["-c", 'cd "$0" && for i in $(seq 600); do mkdir d && cd d; done', here.folder.join("workspace")]);
    await expect(here.keep()).rejects.toMatchObject({ code: "unprocessable", message: expect.stringContaining("deep") });
    expect(await readdir(here.folder.join("cache"))).toEqual([]);
    await removeFolder(here.folder.join("workspace"));
  });

  it("is there as a whole or not at all, whoever was killed in the middle", async () => {
    await using here = await place();
    await put(here.folder, { "cache/.unfinished-1/home/x": "half\n" });
    expect(await here.setups.list()).toEqual([]);
    expect(await readdir(here.folder.join("cache"))).toEqual([]);
    await put(here.folder, { [`cache/${KEY}/home/x`]: "without its record\n" });
    expect(await here.setups.take(KEY)).toBeNull();
    await here.keep();
    expect(await here.setups.take(KEY)).not.toBeNull();
  });
});
