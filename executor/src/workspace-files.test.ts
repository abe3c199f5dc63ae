import { execFile } from "node:child_process";
import { mkdir, open, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { FOLDER_ENTRIES_MAX, type FolderListing, namesOfPath, WORKSPACE_FILE_MAX_BYTES } from "@ccr/protocol";
import { type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { listFiles, readWorkspaceFile } from "./workspace-files.ts";

const run = promisify(execFile);

const place = async () => {
  const folder: TemporaryFolder = await temporaryFolder();
  const workspace = folder.join("workspace");
  await mkdir(workspace);
  await writeFile(folder.join("outside"), "not in the workspace\n");
  return { workspace, outside: folder.join("outside"), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

const namesIn = ({ entries }: FolderListing) => entries.map(({ name, kind }) => `${kind} ${name}`);
const read = async (workspace: string, path: string) => {
  const { length, chunks } = await readWorkspaceFile(workspace, path);
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  expect(bytes.length).toBe(length);
  return bytes.toString("utf8");
};

describe("a folder of the workspace", () => {
  it("has folders first, each by name, without git's own", async () => {
    await using here = await place();
    for (const name of ["src", ".git", ".github", "b10", "b9"]) await mkdir(join(here.workspace, name));
    await writeFile(join(here.workspace, "README.md"), "hello\n");
    await writeFile(join(here.workspace, "src", ".git"), "gitdir: ../elsewhere\n");
    await run("mkfifo", [join(here.workspace, "pipe")]);
    expect(namesIn(await listFiles(here.workspace, ""))).toEqual([
      "folder .github",
      "folder b9",
      "folder b10",
      "folder src",
      "other pipe",
      "file README.md",
    ]);
    expect(await listFiles(here.workspace, "src")).toEqual({ entries: [], truncated: false });
    expect((await listFiles(here.workspace, "")).entries.at(-1)).toMatchObject({ bytes: 6, target: null });
  });

  it("tells of links and follows none, in the last place and on the way", async () => {
    await using here = await place();
    await mkdir(join(here.workspace, "real"));
    await writeFile(join(here.workspace, "real", "file"), "inside\n");
    await symlink(here.outside, join(here.workspace, "out"));
    await symlink("real", join(here.workspace, "alias"));
    await symlink("/", join(here.workspace, "root"));
    expect((await listFiles(here.workspace, "")).entries.filter(({ kind }) => kind === "link")).toEqual([
      { name: "alias", kind: "link", bytes: null, target: "real" },
      { name: "out", kind: "link", bytes: null, target: here.outside },
      { name: "root", kind: "link", bytes: null, target: "/" },
    ]);
    for (const path of ["alias", "root", "root/etc", "alias/sub"])
      await expect(listFiles(here.workspace, path)).rejects.toMatchObject({ code: "conflict" });
    for (const path of ["out", "alias/file", "root/etc/passwd"])
      await expect(readWorkspaceFile(here.workspace, path)).rejects.toMatchObject({ code: "conflict" });
    expect(await read(here.workspace, "real/file")).toBe("inside\n");
  });

  it("takes names of every kind of bytes", async () => {
    await using here = await place();
    const names = [
      "a b",
      "ä.txt",
      "line\nbreak",
      "100%",
      "%41",
      "tab\there",
      "$(touch x)",
      "-rf",
      "\u202Etxt.exe",
      "日本",
      "'\"\\",
    ];
    for (const name of names) await writeFile(join(here.workspace, name), name);
    const raw = Buffer.concat([Buffer.from(`${here.workspace}/`), Buffer.from([0x66, 0xff, 0x80, 0x2e])]);
    await writeFile(raw, "raw");
    const { entries } = await listFiles(here.workspace, "");
    expect(entries).toHaveLength(names.length + 1);
    const texts = await Promise.all(entries.map(({ name }) => read(here.workspace, name)));
    expect(new Set(texts)).toEqual(new Set([...names, "raw"]));
    const shown = entries.map(({ name }) => name);
    expect(shown).toEqual(
      expect.arrayContaining(["a b", "ä.txt", "line%0Abreak", "100%25", "%2541", "f%FF%80.", "%E2%80%AEtxt.exe", "日本"]),
    );
    expect(shown.join("")).not.toMatch(/[\n\t\u202E]/);
  });

  it("is told of as far as there is room, whatever is in it", async () => {
    await using here = await place();
    await mkdir(join(here.workspace, "many"));
    await run("bash", [
      "-c",
      `cd "$1" && seq -f %05g 1 ${FOLDER_ENTRIES_MAX * 6} | xargs touch`,
      "bash",
      join(here.workspace, "many"),
    ]);
    const listed = await listFiles(here.workspace, "many");
    expect(listed.entries).toHaveLength(FOLDER_ENTRIES_MAX);
    expect(listed.truncated).toBe(true);
  });
});

describe("a path", () => {
  it.each([
    "..",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    ".",
    "./a",
    "%2E%2E",
    "a%2Fb",
    "%00",
    ".git",
    ".GIT/config",
    "sub/.git/config",
    "%2Egit",
  ])("is none inside of the workspace: %s", async (path) => {
    expect(namesOfPath(path)).toBeNull();
    await using here = await place();
    await expect(listFiles(here.workspace, path)).rejects.toMatchObject({ code: "bad_request" });
    await expect(readWorkspaceFile(here.workspace, path)).rejects.toMatchObject({ code: "bad_request" });
  });
});

describe("a file of the workspace", () => {
  it("is given as it is, in one piece however large", async () => {
    await using here = await place();
    const text = "0123456789abcdef".repeat(20_000);
    await writeFile(join(here.workspace, "large"), text);
    expect(await read(here.workspace, "large")).toBe(text);
    await writeFile(join(here.workspace, "empty"), "");
    expect(await read(here.workspace, "empty")).toBe("");
  });

  it("is a plain file, not too large, and there", async () => {
    await using here = await place();
    await run("mkfifo", [join(here.workspace, "pipe")]);
    await mkdir(join(here.workspace, "folder"));
    await writeFile(join(here.workspace, "huge"), "");
    await truncate(join(here.workspace, "huge"), WORKSPACE_FILE_MAX_BYTES + 1);
    const codeFor = (path: string) =>
      readWorkspaceFile(here.workspace, path).then(
        () => "read",
        ({ code }) => code,
      );
    expect(await codeFor("pipe")).toBe("conflict");
    expect(await codeFor("folder")).toBe("conflict");
    expect(await codeFor("")).toBe("conflict");
    expect(await codeFor("huge")).toBe("payload_too_large");
    expect(await codeFor("nothing")).toBe("not_found");
    expect(await codeFor("huge/below")).toBe("conflict");
    await expect(listFiles(here.workspace, "huge")).rejects.toMatchObject({ code: "conflict" });
    await expect(listFiles(join(here.workspace, "gone"), "")).rejects.toMatchObject({ code: "not_found" });
  });

  it("that is cut while it is read cuts the answer", async () => {
    await using here = await place();
    const path = join(here.workspace, "log");
    await writeFile(path, Buffer.alloc(1024 * 1024, "x"));
    const { chunks } = await readWorkspaceFile(here.workspace, "log");
    const taken = async () => {
      for await (const _ of chunks) await truncate(path, 10);
    };
    await expect(taken()).rejects.toMatchObject({ code: "conflict" });
    await using file = await open(path, "r");
    expect((await file.stat()).size).toBe(10);
  });
});
