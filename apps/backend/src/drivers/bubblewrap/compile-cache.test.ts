import { cp, mkdir, readdir, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { never, openPlace, talkTo, waitUntilHealthy } from "../conformance/sandbox.ts";
import { serverIdentity } from "../identity.ts";
import type { SandboxDriver } from "../types.ts";
import { ensureCompileCache } from "./compile-cache.ts";
import { BubblewrapDriver, type BubblewrapDriverOptions } from "./driver.ts";

const server = serverIdentity();

const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** A checkout whose sources can be changed. */
const openProject = async () => {
  const folder = await temporaryFolder();
  for (const part of ["executor", "packages/protocol", "package.json", "package-lock.json"])
    await cp(join(projectRoot, part), folder.join(part), { recursive: true });
  await symlink(join(projectRoot, "node_modules"), folder.join("node_modules"));
  return folder;
};

/** Makes a sandbox, waits until its executor answers, and gives what that said. */
const logOfStart = async (driver: SandboxDriver): Promise<string> => {
  await using cleanUp = new AsyncDisposableStack();
  const place = cleanUp.use(await openPlace(""));
  const handle = await driver.create(place.spec({ env: { NODE_DEBUG_NATIVE: "COMPILE_CACHE" } }), never());
  cleanUp.defer(() => driver.destroy(handle));
  await waitUntilHealthy(talkTo({ driver, handle, place }));
  return driver.logs(handle, never());
};

const ACCEPTED = /V8 code cache for ESM file:\/\/\/opt\/ccr\/executor\/src\/main\.ts was accepted/;

describe.skipIf(process.platform !== "linux")("the compile cache", () => {
  it("is filled once for what it is made from, by one of two at once, and takes the place of the one before", async () => {
    await using project = await openProject();
    await using folder = await temporaryFolder();
    const input = { projectRoot: project.path, stateDir: folder.join("state"), server };
    const [first, second] = await Promise.all([ensureCompileCache(input), ensureCompileCache(input)]);
    expect(second).toBe(first);
    const { ino } = await stat(first);
    expect(await ensureCompileCache(input)).toBe(first);
    expect((await stat(first)).ino).toBe(ino);
    await mkdir(join(input.stateDir, "inst_other"));
    await writeFile(project.join("executor/src/bell.ts"), "\n", { flag: "a" });
    const third = await ensureCompileCache(input);
    expect(third).not.toBe(first);
    expect((await readdir(input.stateDir)).map((name) => join(input.stateDir, name)).toSorted()).toEqual([
      third,
      join(input.stateDir, "inst_other"),
    ]);
  });

  it("is one for all servers that have a folder for it together", async () => {
    await using folder = await temporaryFolder();
    const compiledDir = folder.join("compiled");
    const open = (name: string) =>
      new BubblewrapDriver({ owner: name, stateDir: folder.join(name), projectRoot, bwrapPath: undefined, compiledDir });
    expect(await logOfStart(open("one"))).toMatch(ACCEPTED);
    const [made] = await readdir(compiledDir);
    const { ino } = await stat(join(compiledDir, made ?? ""));
    expect(await logOfStart(open("two"))).toMatch(ACCEPTED);
    expect(await readdir(compiledDir)).toEqual([made]);
    expect((await stat(join(compiledDir, made ?? ""))).ino).toBe(ino);
    expect((await stat(compiledDir)).mode & 0o777).toBe(0o700);
  });

  it("belongs to the server, and everybody may read it", async () => {
    await using folder = await temporaryFolder();
    const cache = await ensureCompileCache({ projectRoot, stateDir: folder.join("state"), server });
    const paths = [cache, ...(await readdir(cache, { recursive: true })).map((name) => join(cache, name))];
    expect(paths.length).toBeGreaterThan(100);
    for (const path of paths) {
      const found = await stat(path);
      const { uid, gid } = found;
      const permissions = found.isDirectory() ? 0o755 : 0o644;
      expect({ uid, gid, mode: found.mode & 0o7777 }, path).toEqual({ ...server, mode: permissions });
    }
  });

  it("is done without when it is damaged or gone, and filled again when it is empty", async () => {
    await using folder = await temporaryFolder();
    const options: BubblewrapDriverOptions = { owner: "test", stateDir: folder.join("state"), projectRoot };
    const driver = new BubblewrapDriver(options);
    expect(await logOfStart(driver)).toMatch(ACCEPTED);
    const cache = await ensureCompileCache({ ...options, server });
    for (const [index, file] of (await filesIn(cache)).entries()) {
      const { size } = await stat(file);
      if (index % 3 === 0) await truncate(file, Math.floor(size / 2));
      else await writeFile(file, index % 3 === 1 ? "" : Buffer.alloc(size, "x"));
    }
    expect(await logOfStart(driver)).not.toMatch(ACCEPTED);
    await rm(cache, { recursive: true });
    expect(await logOfStart(driver)).not.toMatch(ACCEPTED);
    await mkdir(cache);
    expect(await logOfStart(driver)).not.toMatch(ACCEPTED);
    expect(await logOfStart(new BubblewrapDriver(options))).toMatch(ACCEPTED);
  });

  it("is done without, and the reason told once, when it cannot be filled", async () => {
    await using folder = await temporaryFolder();
    const bwrapPath = folder.join("bwrap");
    const refuse = 'for argument; do [ "$argument" != --compile ] || { echo "no room" >&2; exit 1; }; done';
    await writeFile(bwrapPath, `#!/bin/bash\n${refuse}\nexec bwrap "$@"\n`, { mode: 0o755 });
    const warnings: string[] = [];
    const warn = (text: string) => void warnings.push(text);
    const driver = new BubblewrapDriver({ owner: "test", stateDir: folder.join("state"), projectRoot, bwrapPath, warn });
    for (let count = 0; count < 2; count++) expect(await logOfStart(driver)).not.toMatch(ACCEPTED);
    expect(warnings).toEqual([expect.stringMatching(/^Sandboxes start slower than they could, .*: no room$/)]);
    expect(await readdir(folder.join("state"))).toEqual([]);
  });
});
