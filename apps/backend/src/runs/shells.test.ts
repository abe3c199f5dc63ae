import { mkdir, symlink, writeFile } from "node:fs/promises";
import { InstanceId, RunLimits, ServerId, type ShellEvent, type ShellId } from "@ccr/protocol";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { executorFolder, startExecutor } from "../../../../executor/src/testing/executor.ts";
import type { SandboxDriver, SandboxState } from "../drivers/types.ts";
import type { KeptOf } from "../git/work-places.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { NewRun } from "../store/types.ts";
import { systemClock } from "./clock.ts";
import { connectExecutor } from "./executor-client.ts";
import { createFiles, type KeptFiles } from "./files.ts";
import { createShells } from "./shells.ts";

const here = ServerId.parse("srv_0000000001");
const elsewhere = ServerId.parse("srv_0000000002");
const instanceId = InstanceId.parse("inst_0123456789");

const RUNNING: SandboxState = { status: "running", outOfMemoryKills: 0, diskBytes: 0 };

const KEPT_AT = "2026-01-01T12:00:00.000Z";
const snapshot = { baseCommit: null, headCommit: null, branch: null, snapshotCommit: "0".repeat(40) };

const kept: KeptFiles = {
  list: async ({ directory }, names) => ({
    entries: [{ name: `kept-of-${directory}-below-${names.length}`, kind: "file", bytes: 1, target: null }],
    truncated: false,
    at: KEPT_AT,
  }),
  paths: async ({ directory }) => (directory === "c" ? null : { paths: [`kept-of-${directory}`], truncated: false, at: KEPT_AT }),
  open: async () => null,
};

/** A run at work in the sandbox of a real executor, which this server drives, or another one. */
const place = async (drivenBy: ServerId = here, beside: NewRun["additionalRepositories"] = []) => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await executorFolder());
  const executor = stack.use(await startExecutor({ folder }));
  const store = stack.use(await openSqliteStore({ path: ":memory:" }));
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "x", checks: "" }], allowNoChanges: false });
  const { run } = await store.runs.create({
    task,
    repository: "a/b",
    ref: null,
    directory: beside.length === 0 ? null : "b",
    additionalRepositories: beside,
    model: null,
    limits: RunLimits.parse({}),
    priority: 0,
    delivery: null,
    continues: null,
    idempotencyKey: null,
  });
  const claim = await store.queue.claimNext({ owner: drivenBy, perRepository: null, perTask: null });
  if (claim === null) throw new Error("it was not claimed");
  const { fence } = claim;
  const state: { now: SandboxState } = { now: RUNNING };
  const unused = (): never => {
    throw new Error("nobody asks for this");
  };
  const driver: SandboxDriver = {
    name: "docker",
    probe: unused,
    create: unused,
    inspect: async () => state.now,
    logs: unused,
    destroy: unused,
    list: unused,
  };
  const deps = {
    server: here,
    machine: "box",
    clock: systemClock,
    connect: connectExecutor,
    drivers: [driver],
    store,
    work: { find: async ({ directory }: KeptOf) => (directory === "c" ? null : { snapshot, at: KEPT_AT }) },
  };
  const shells = createShells(deps);
  const owned = stack.move();
  let n = 0;
  return {
    folder,
    executor,
    state,
    shells,
    files: createFiles(deps, kept),
    runId: run.id,
    /** Makes the sandbox known. */
    attach: async () => {
      const box = { machine: drivenBy === here ? "box" : "another-box", root: "/r", doors: "/d" };
      await store.instances.create({ id: instanceId, runId: run.id, driver: "docker", server: drivenBy, place: box }, fence);
      const endpoint = { socketPath: executor.address };
      await store.instances.saveHandle(instanceId, { version: 1, driver: "docker", instanceId, endpoint, data: {} }, fence);
      await store.runs.patch(run.id, fence, { instanceId });
      // Whoever drives it has spoken with it: one who only looks is not refused.
      await connectExecutor(endpoint, fence).health(new AbortController().signal);
    },
    type: (shellId: ShellId, text: string) => shells.type({ runId: run.id, shellId, writer: "test", n: ++n, text }),
    /** Reads a shell as a page does, until it is left. */
    read: (shellId: ShellId, after = 0) => {
      const left = new AbortController();
      const events: ShellEvent[] = [];
      const done = (async () => {
        for await (const event of shells.follow({ runId: run.id, shellId }, { after }, left.signal)) events.push(event);
      })();
      done.catch(() => {}); // who asks for it hears of it
      const text = () =>
        Buffer.concat(events.flatMap((event) => (event.type === "output" ? [Buffer.from(event.data, "base64")] : []))).toString();
      const until = (wanted: string) => waitFor(() => text().includes(wanted), { what: `'${wanted}' in the shell` });
      return { events, done, text, until, leave: () => left.abort(new Error("left")) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

describe("the shells of a run", () => {
  it("are opened, typed into, read again from where one was, resized and closed, beside the one who drives the run", async () => {
    await using at = await place();
    await at.attach();
    const { runId, shells } = at;
    const { id: shellId } = await shells.open({ runId, cols: 80, rows: 24 });
    const first = at.read(shellId);
    await at.type(shellId, "echo on''e\n");
    await first.until("one\r\n");
    first.leave();
    await expect(first.done).rejects.toThrow("left");
    const position = Buffer.byteLength(first.text());
    await at.type(shellId, "stty size; echo tw''o\n");
    const second = at.read(shellId, position);
    await second.until("two\r\n");
    expect(second.text()).toContain("24 80");
    expect(second.text()).not.toContain("one\r");
    expect(await shells.resize({ runId, shellId, cols: 100, rows: 30 })).toMatchObject({ cols: 100, rows: 30 });
    expect(await shells.list(runId)).toMatchObject([{ id: shellId, cols: 100, outcome: null }]);
    expect((await shells.close({ runId, shellId })).outcome).toEqual({ kind: "closed" });
    await second.done;
    expect(second.events.at(-1)).toEqual({ type: "ended", outcome: { kind: "closed" } });
  });

  it("end with their sandbox, and say so; while it is only out of reach they do not", async () => {
    await using at = await place();
    await at.attach();
    const { runId, shells } = at;
    const { id: shellId } = await shells.open({ runId, cols: 80, rows: 24 });
    const reader = at.read(shellId);
    await waitFor(() => reader.events.length > 0, { what: "the shell" });
    at.state.now = { status: "gone" };
    await at.executor.end("SIGKILL");
    await reader.done;
    expect(reader.events.at(-1)).toEqual({ type: "ended", outcome: { kind: "sandbox_ended" } });
    at.state.now = RUNNING;
    await expect(at.read(shellId).done).rejects.toMatchObject({ code: "unavailable" });
    await expect(shells.list(runId)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("ask again"),
    });
  });

  it("are not there before the sandbox, nor for a server on another machine", async () => {
    await using early = await place();
    const size = { cols: 80, rows: 24 };
    const why = (expected: string) => ({ code: "conflict", message: expect.stringContaining(expected) });
    await expect(early.shells.open({ runId: early.runId, ...size })).rejects.toMatchObject(why("no sandbox now"));
    await using far = await place(elsewhere);
    await far.attach();
    await expect(far.shells.open({ runId: far.runId, ...size })).rejects.toMatchObject(why("on another-box"));
    await expect(far.read("shell_0123456789abcdef").done).rejects.toMatchObject(why("on another-box"));
  });

  it("are told apart from what was never there", async () => {
    await using at = await place();
    await at.attach();
    const shellId = "shell_0123456789abcdef";
    await expect(at.type(shellId, "x")).rejects.toMatchObject({ code: "not_found" });
    await expect(at.read(shellId).done).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("the files of a run", () => {
  it("are those in its sandbox, read without following links", async () => {
    await using at = await place();
    await at.attach();
    const workspace = at.folder.join("workspace");
    await mkdir(`${workspace}/src`);
    await writeFile(`${workspace}/src/a b%.ts`, "export {};\n");
    await symlink("/etc", `${workspace}/etc`);
    const { runId, files } = at;
    expect(await files.list({ runId, path: "src" })).toEqual({
      entries: [{ name: "a b%25.ts", kind: "file", bytes: 11, target: null }],
      truncated: false,
      from: { kind: "sandbox" },
    });
    const until = new AbortController().signal;
    await using file = await files.open({ runId, path: "src/a b%25.ts" }, until);
    expect(Buffer.concat(await Array.fromAsync(file?.chunks ?? [])).toString()).toBe("export {};\n");
    for (const path of ["etc/passwd", "etc"])
      await expect(files.open({ runId, path }, until)).rejects.toMatchObject({ code: "conflict" });
    await expect(files.open({ runId, path: "nothing" }, until)).rejects.toMatchObject({ code: "not_found" });
    await expect(files.list({ runId, path: "../.." })).rejects.toMatchObject({ code: "bad_request" });
  });

  it("are those that are kept where there is no sandbox, or none that answers", async () => {
    await using early = await place();
    const from = { kind: "kept", at: KEPT_AT };
    expect(await early.files.list({ runId: early.runId, path: "a/b" })).toMatchObject({
      from,
      entries: [{ name: "kept-of-null-below-2" }],
    });
    await early.attach();
    await early.executor.end("SIGKILL");
    expect(await early.files.list({ runId: early.runId, path: "" })).toMatchObject({ from });
    await using far = await place(elsewhere);
    await far.attach();
    await expect(far.files.list({ runId: far.runId, path: "" })).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("another server"),
    });
  });

  it("are in the folders of several repositories, as far as something of them is kept", async () => {
    const another = { ref: null, baseCommit: null, headCommit: null, delivered: null };
    const beside = ["c", "d"].map((directory) => ({ ...another, repository: `a/${directory}`, directory }));
    await using at = await place(here, beside);
    const { runId, files } = at;
    const listed = await files.list({ runId, path: "" });
    expect(listed.entries.map(({ name, kind }) => [name, kind])).toEqual([
      ["b", "folder"],
      ["d", "folder"],
    ]);
    expect(await files.list({ runId, path: "d/src" })).toMatchObject({ entries: [{ name: "kept-of-d-below-1" }] });
    await expect(files.list({ runId, path: "e" })).rejects.toMatchObject({ code: "not_found" });
    expect(await files.paths({ runId })).toEqual({
      paths: ["b/kept-of-b", "d/kept-of-d"],
      truncated: false,
      from: { kind: "kept", at: KEPT_AT },
    });
  });

  it("have their paths told all at once, from where they are", async () => {
    await using at = await place();
    const { runId, files, folder, executor } = at;
    expect(await files.paths({ runId })).toEqual({
      paths: ["kept-of-null"],
      truncated: false,
      from: { kind: "kept", at: KEPT_AT },
    });
    await at.attach();
    await using mirror = await createGitRepository({ bare: true, path: folder.join("mirror"), files: { "src/a b%.ts": "1" } });
    const clone = { repositoryUrl: "https://host.test/a/b", mirrorPath: mirror.path };
    expect(await executor.ask("POST", "/git-clone", clone)).toMatchObject({ status: 200 });
    expect(await files.paths({ runId })).toEqual({ paths: ["src/a b%25.ts"], truncated: false, from: { kind: "sandbox" } });
  });
});
