import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot, temporaryFolder, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openBubblewrap } from "../conformance/drivers.ts";
import { type DriverUnderTest, openPlace, openSandbox, type Sandbox } from "../conformance/sandbox.ts";
import { handleFolder } from "../handle.ts";
import { removeCgroups } from "./cgroups.ts";
import { BubblewrapDriver } from "./driver.ts";
import { findRecord, stateFiles } from "./state.ts";

const Told = z.object({ "child-pid": z.number(), "pid-namespace": z.number() });

/** What bwrap told about the first process of a sandbox. */
const toldIn = async (status: string) => Told.parse(JSON.parse((await readFile(status, "utf8")).split("\n")[0] ?? ""));

const folderOf = ({ handle }: Pick<Sandbox, "handle">): string => handleFolder(handle, "/");

/** The parts of a sandbox that are processes of the host. */
const processesOf = async (sandbox: Pick<Sandbox, "handle">): Promise<{ monitor: number; init: number }> => {
  const files = stateFiles(folderOf(sandbox));
  return { monitor: Number.parseInt(await readFile(files.process, "utf8"), 10), init: (await toldIn(files.status))["child-pid"] };
};

const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat !== "" && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
};

/** Ends a sandbox as when bwrap is killed with it: nobody says how it ended. */
const killSandbox = async (sandbox: Pick<Sandbox, "handle">): Promise<void> => {
  const { status } = stateFiles(folderOf(sandbox));
  const told = await toldIn(status);
  const { monitor, init } = await processesOf(sandbox);
  process.kill(init, "SIGKILL");
  // Its numbers are free when it has been reaped, which bwrap does best; what it tells then is taken away.
  await waitFor(async () => !(await isAlive(monitor)), { what: "the sandbox's end" });
  await writeFile(status, `${JSON.stringify(told)}\n`);
};

/** Makes the record be of a server that may make no control groups; they are removed in the end. */
const forgetCgroups = async (folder: string, cleanUp: AsyncDisposableStack): Promise<void> => {
  const record = await findRecord(folder);
  if (record === null) throw new Error("there is no record");
  await writeFile(join(folder, "sandbox.json"), JSON.stringify({ ...record, cgroups: [] }));
  cleanUp.defer(() => removeCgroups(record.cgroups));
};

/** Makes the folder be one that an earlier version wrote. */
const makeOld = async (folder: string): Promise<void> => {
  const files = stateFiles(folder);
  await rm(files.init, { force: true });
  const [stat = ""] = (await readFile(files.process, "utf8")).split("\n");
  await writeFile(files.process, `${stat}\n`);
};

describe.skipIf(process.platform !== "linux")("a sandbox of processes", () => {
  let under: DriverUnderTest;
  beforeAll(async () => {
    under = await openBubblewrap();
  });
  afterAll(() => under[Symbol.asyncDispose]());

  const UUID = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/;
  const OTHER_BOOT = "01234567-89ab-cdef-0123-456789abcdef";
  it.each([
    { what: "the number of its namespace", old: false, pid: false, rebooted: false },
    { what: "the number of its namespace, and an earlier version wrote the record", old: true, pid: false, rebooted: false },
    { what: "its numbers", old: false, pid: true, rebooted: false },
    { what: "its numbers, and an earlier version wrote the record", old: true, pid: true, rebooted: false },
    { what: "its numbers and its time of start, in another life of the machine", old: false, pid: true, rebooted: true },
  ])("that is dead is not taken for the stranger that got $what", async ({ old, pid, rebooted }) => {
    await using stranger = await openSandbox(under);
    await using dead = await openSandbox(under);
    await killSandbox(dead);
    const files = stateFiles(folderOf(dead));
    const others = stateFiles(folderOf(stranger));
    if (old) await makeOld(folderOf(dead));
    const theirs = await toldIn(others.status);
    const own = await toldIn(files.status);
    await writeFile(files.status, `${JSON.stringify(pid ? theirs : { ...own, "pid-namespace": theirs["pid-namespace"] })}\n`);
    if (rebooted) {
      for (const name of ["process", "init"] as const) {
        const text = await readFile(others[name], "utf8");
        expect(text).toMatch(UUID);
        await writeFile(files[name], text.replace(UUID, OTHER_BOOT));
      }
    }
    const { startedAt } = await stranger.health();
    expect(await dead.driver.inspect(dead.handle)).toMatchObject({ status: "exited", exitCode: 137, outOfMemory: false });
    await dead.driver.destroy(dead.handle);
    expect(await dead.driver.inspect(dead.handle)).toEqual({ status: "gone" });
    expect((await stranger.health()).startedAt).toBe(startedAt);
    expect(await stranger.driver.inspect(stranger.handle)).toMatchObject({ status: "running" });
  });

  it("that is dead is not taken for the stranger to whom the kernel gave its number", async () => {
    await using dead = await openSandbox(under);
    const { status } = stateFiles(folderOf(dead));
    const told = await toldIn(status);
    const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
    await killSandbox(dead);
    await using cleanUp = new AsyncDisposableStack();
    // A free number is mostly given away from the lowest, so those who stay take them all up. If it is given to none of them, the last one's
    // number is said to have been the dead one's.
    const MOST = 60;
    for (let tries = 1; tries <= MOST; tries++) {
      const outside = spawn("unshare", [...asRoot, "--pid", "--fork", "sleep", "600"], { stdio: "ignore" });
      const ended = once(outside, "exit");
      const [stranger] = await waitFor(
        async () => {
          const children = await childrenOf(outside.pid ?? 0);
          return (children.length > 0 || outside.exitCode !== null) && children;
        },
        { what: "the stranger", intervalMs: 5 },
      );
      if (stranger === undefined) throw new Error("no process namespace could be made");
      cleanUp.defer(async () => {
        if (await isAlive(stranger)) process.kill(stranger, "SIGKILL");
        await ended;
      });
      const got = Number(/\d+/.exec(await readlink(`/proc/${stranger}/ns/pid`))?.[0]);
      if (tries === MOST) await writeFile(status, `${JSON.stringify({ ...told, "pid-namespace": got })}\n`);
      else if (got !== told["pid-namespace"]) continue;
      expect(await dead.driver.inspect(dead.handle)).toMatchObject({ status: "exited", exitCode: 137 });
      await dead.driver.destroy(dead.handle);
      expect(await isAlive(stranger)).toBe(true);
      return;
    }
  });

  it("that is destroyed long after its end does no harm to those that were made since", async () => {
    await using cleanUp = new AsyncDisposableStack();
    const dead: Sandbox[] = [];
    for (let count = 0; count < 5; count++) {
      const sandbox = cleanUp.use(await openSandbox(under));
      for (const { driver, handle } of dead) expect(await driver.inspect(handle)).toMatchObject({ status: "exited" });
      await killSandbox(sandbox);
      dead.push(sandbox);
    }
    const living = cleanUp.use(await openSandbox(under));
    const { startedAt } = await living.health();
    for (const { driver, handle } of dead) {
      await driver.destroy(handle);
      expect(await driver.inspect(handle)).toEqual({ status: "gone" });
    }
    expect((await living.health()).startedAt).toBe(startedAt);
  });

  it.each([{ old: false }, { old: true }])(
    "goes on without the process that became bwrap, and is destroyed without it, by an earlier version's record too ($old)",
    async ({ old }) => {
      await using cleanUp = new AsyncDisposableStack();
      await using sandbox = await openSandbox(under);
      const folder = folderOf(sandbox);
      const { monitor, init } = await processesOf(sandbox);
      await forgetCgroups(folder, cleanUp);
      if (old) await makeOld(folder);
      process.kill(monitor, "SIGKILL");
      await waitFor(async () => !(await isAlive(monitor)), { what: "the end of bwrap" });
      await sandbox.health();
      expect(await sandbox.driver.inspect(sandbox.handle)).toMatchObject({ status: "running" });
      await sandbox.driver.destroy(sandbox.handle);
      expect(await isAlive(init)).toBe(false);
    },
  );

  it.each([{ old: false }, { old: true }])(
    "whose executor has ended is destroyed with what that left running, by an earlier version's record too ($old)",
    async ({ old }) => {
      await using cleanUp = new AsyncDisposableStack();
      await using sandbox = await openSandbox(under);
      await forgetCgroups(folderOf(sandbox), cleanUp);
      if (old) await makeOld(folderOf(sandbox));
      const { monitor, init } = await processesOf(sandbox);
      await sandbox.output("(setsid sleep 600 > /dev/null 2>&1 < /dev/null &); until pgrep -x sleep; do :; done");
      await sandbox.check("kill -9 $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
      await waitFor(async () => !(await isAlive(monitor)), { what: "the end of bwrap" });
      expect(await sandbox.driver.inspect(sandbox.handle)).toMatchObject({ status: "exited", exitCode: 137 });
      expect(await isAlive(init)).toBe(true);
      await sandbox.driver.destroy(sandbox.handle);
      expect(await isAlive(init)).toBe(false);
    },
  );

  it("that is half made, with nothing told about it, is destroyed as a whole", async () => {
    await using cleanUp = new AsyncDisposableStack();
    await using folder = await temporaryFolder();
    await using place = await openPlace("");
    // Where bwrap writes what it has made is full: it has made the first process, which waits for it, and cannot say so.
    await writeFile(
      folder.join("bwrap"),
      `#!/bin/bash\nmkfifo ${folder.join("full")}\nexec 5<> ${folder.join("full")}\nhead -c 65536 /dev/zero >&5\nexec bwrap "$@"\n`,
    );
    await chmod(folder.join("bwrap"), 0o755);
    const options = { owner: "test", stateDir: folder.join("state"), projectRoot, bwrapPath: folder.join("bwrap") };
    const driver = new BubblewrapDriver(options);
    const spec = place.spec();
    const stop = new AbortController();
    const creating = driver.create(spec, stop.signal);
    creating.catch(() => {});
    const state = join(options.stateDir, spec.instanceId);
    const made = await waitFor(
      async () => {
        const monitor = Number.parseInt(await readFile(stateFiles(state).process, "utf8").catch(() => ""), 10);
        if (!(await readFile(`/proc/${monitor}/cmdline`, "utf8").catch(() => "")).startsWith("bwrap")) return false;
        const [init] = await childrenOf(monitor);
        return init !== undefined && { monitor, init };
      },
      { what: "the first process" },
    );
    stop.abort();
    await expect(creating).rejects.toThrow();
    await forgetCgroups(state, cleanUp);
    const [handle] = await driver.list();
    if (handle === undefined) throw new Error("it is not listed");
    expect(await driver.inspect(handle)).toMatchObject({ status: "running" });
    await driver.destroy(handle);
    expect(await isAlive(made.monitor)).toBe(false);
    expect(await isAlive(made.init)).toBe(false);
    expect(await driver.list()).toEqual([]);
  });
});

const childrenOf = async (parent: number): Promise<number[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent ? [Number(pid)] : [];
    }),
  );
  return found.flat();
};
