import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { InstanceId } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { expect, it } from "vitest";
import { instanceFolder } from "../handle.ts";
import {
  findRecord,
  listRecords,
  parseStatus,
  readLog,
  removeState,
  type SandboxRecord,
  stateFiles,
  writeState,
} from "./state.ts";

const id = InstanceId.parse("inst_0123456789abcdef");
const record: SandboxRecord = {
  handle: { version: 1, driver: "bubblewrap", instanceId: id, endpoint: { socketPath: "/d/executor.sock" }, data: {} },
  owner: "me",
  deadline: "2026-11-22T20:39:28.000Z",
  cgroups: [],
  writable: [],
};
const write = (folder: string) =>
  writeState(folder, { record, identity: { uid: 7, gid: 8 }, bwrapArguments: ["--a", "b c"], seccomp: null });

it("reads what bwrap reported, and not what it is just writing", () => {
  expect(parseStatus("")).toEqual({ initPid: null, exitCode: null });
  expect(parseStatus('{ "child-pid": 5, "pid-namespace": 99 }\n{ "exit-co')).toEqual({ initPid: 5, exitCode: null });
  expect(parseStatus('{ "child-pid": 5, "pid-namespace": 99 }\n{ "exit-code": 0 }\n')).toEqual({ initPid: 5, exitCode: 0 });
});

it("keeps a record that another server reads, and removes it as a whole", async () => {
  await using stateDir = await temporaryFolder();
  const folder = instanceFolder(stateDir.path, id);
  await write(folder);
  expect(await listRecords(stateDir.path)).toEqual([record]);
  await removeState(folder);
  await removeState(folder);
  expect(await listRecords(stateDir.path)).toEqual([]);
  expect(await readdir(stateDir.path)).toEqual([]);
});

it("does not take a half-written folder, a stranger's file or a broken record for a sandbox", async () => {
  await using stateDir = await temporaryFolder();
  const folder = instanceFolder(stateDir.path, id);
  await write(`${folder}.making`);
  await writeFile(stateDir.join("stray"), "x");
  await mkdir(stateDir.join("broken"));
  await writeFile(stateDir.join("broken", "sandbox.json"), '{"handle":');
  expect(await listRecords(stateDir.path)).toEqual([]);
  expect(await findRecord(stateDir.join("broken"))).toBeNull();
  await write(folder);
  expect(await listRecords(stateDir.path)).toEqual([record]);
  await write(`${folder}.making`);
  await removeState(folder);
  expect(existsSync(`${folder}.making`)).toBe(false);
});

it("gives the end of a long log, from the beginning of a line", async () => {
  await using folder = await temporaryFolder();
  const { log } = stateFiles(folder.path);
  expect(await readLog(folder.path)).toBe("");
  await writeFile(log, "short\n");
  expect(await readLog(folder.path)).toBe("short\n");
  await appendFile(log, `${"x".repeat(999)}\n`.repeat(400));
  await appendFile(log, "the end\n");
  const end = await readLog(folder.path);
  expect(end.length).toBeLessThanOrEqual(256 * 1024);
  expect(end.length).toBeGreaterThan(254 * 1024);
  expect(end).toMatch(/^x{999}\n/);
  expect(end).toMatch(/the end\n$/);
});
