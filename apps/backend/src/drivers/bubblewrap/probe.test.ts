import { chmod, mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { projectRoot, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { serverIdentity } from "../identity.ts";
import { describeLimits, explainFailure, probeBubblewrap } from "./probe.ts";

const never = () => new AbortController().signal;
const server = serverIdentity();

describe("whether bubblewrap can be used", () => {
  it("is told from a sandbox that really ran", async () => {
    await using folder = await temporaryFolder();
    const stateDir = folder.join("state");
    expect(await probeBubblewrap({ projectRoot, stateDir, server }, never())).toMatchObject({
      usable: true,
      details: expect.stringMatching(/bubblewrap \d/),
    });
    expect(await readdir(stateDir)).toEqual([]);
  });

  it("leaves nothing of a trial whose server was killed", async () => {
    await using folder = await temporaryFolder();
    for (const name of [".trial-old", ".trial-going", "inst_other"]) await mkdir(folder.join(name));
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const name of [".trial-old", "inst_other"]) await utimes(folder.join(name), longAgo, longAgo);
    await probeBubblewrap({ projectRoot, stateDir: folder.path, server }, never());
    expect((await readdir(folder.path)).toSorted()).toEqual([".trial-going", "inst_other"]);
  });

  it("says how to install what is missing", async () => {
    const probe = await probeBubblewrap(
      { projectRoot, stateDir: "/nonexistent", server, bwrapPath: "/nonexistent/bwrap" },
      never(),
    );
    expect(probe).toEqual({ usable: false, why: expect.stringContaining("apt-get install bubblewrap") });
  });

  it("refuses a version that is too old", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("bwrap"), "#!/bin/sh\necho bubblewrap 0.4.1\n");
    await chmod(folder.join("bwrap"), 0o755);
    const probe = await probeBubblewrap({ projectRoot, stateDir: folder.path, server, bwrapPath: folder.join("bwrap") }, never());
    expect(probe).toEqual({ usable: false, why: expect.stringMatching(/0\.4\.1 is too old/) });
  });

  it("sees that the dependencies are not installed", async () => {
    await using folder = await temporaryFolder();
    for (const name of ["node_modules", "executor", "packages/protocol"]) await mkdir(folder.join(name), { recursive: true });
    await writeFile(folder.join("package.json"), "{}");
    const probe = await probeBubblewrap({ projectRoot: folder.path, stateDir: folder.join("state"), server }, never());
    expect(probe).toEqual({ usable: false, why: expect.stringContaining("npm ci") });
  });
});

describe("a failed trial", () => {
  it("is explained to plain users whose system forbids namespaces", () => {
    const said = "bwrap: setting up uid map: Permission denied";
    expect(explainFailure(said, { uid: 1000, gid: 1000 })).toMatch(/apparmor_restrict_unprivileged_userns=0/);
    expect(explainFailure(said, { uid: 0, gid: 0 })).toMatch(/container without privileges/);
  });

  it("is quoted when it is not understood", () => {
    expect(explainFailure("bwrap: something odd", { uid: 0, gid: 0 })).toContain("something odd");
  });
});

it("says plainly which limits do not hold", () => {
  const root = { uid: 0, gid: 0 };
  const user = { uid: 1000, gid: 1000 };
  expect(describeLimits({ version: 2, parents: { memory: "/c", pids: "/c", cpu: "/c" } }, root)).toBe("limits through cgroup v2");
  expect(describeLimits({ version: 2, parents: {} }, user)).toMatch(/memory and cpu are NOT enforced/);
  expect(describeLimits({ version: 1, parents: { memory: "/m" } }, root)).toMatch(/cpu and processes are NOT enforced/);
});
