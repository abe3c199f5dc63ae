import { execFile } from "node:child_process";
import { appendFile, mkdir, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { readConversation } from "./conversation-file.ts";

const { signal } = new AbortController();
const session = "01234567-89ab-cdef-0123-456789abcdef";

const place = async () => {
  const folder = await temporaryFolder();
  await mkdir(folder.join("projects/-workspace"), { recursive: true });
  const read = async (after = 0) => {
    const { length, chunks } = await readConversation({ configFolder: folder.path, session, after, signal });
    const bytes = Buffer.concat(await Array.fromAsync(chunks));
    expect(bytes.length).toBe(length);
    return bytes.toString();
  };
  return {
    folder,
    path: folder.join(`projects/-workspace/${session}.jsonl`),
    read,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

describe("readConversation", () => {
  it("gives what comes after a byte, to the end that the file has when it is asked", async () => {
    await using here = await place();
    await expect(here.read()).rejects.toMatchObject({ code: "not_found" });
    await writeFile(here.path, "one\ntwo\n");
    expect(await here.read()).toBe("one\ntwo\n");
    expect(await here.read(4)).toBe("two\n");
    expect(await here.read(8)).toBe("");
    await expect(here.read(9)).rejects.toMatchObject({ code: "conflict" });
    const { length, chunks } = await readConversation({ configFolder: here.folder.path, session, after: 0, signal });
    await appendFile(here.path, "three\n");
    expect(length).toBe(8);
    expect(Buffer.concat(await Array.fromAsync(chunks)).toString()).toBe("one\ntwo\n");
  });

  it("does not pretend to be whole when the file becomes shorter", async () => {
    await using here = await place();
    await writeFile(here.path, Buffer.alloc(1_000_000));
    const { chunks } = await readConversation({ configFolder: here.folder.path, session, after: 0, signal });
    await truncate(here.path, 10);
    await expect(Array.fromAsync(chunks)).rejects.toMatchObject({ code: "conflict" });
  });

  it("reads the one that was written last when there are several", async () => {
    await using here = await place();
    await mkdir(here.folder.join("projects/-elsewhere"));
    await writeFile(here.path, "old");
    await utimes(here.path, 1, 1);
    await writeFile(here.folder.join(`projects/-elsewhere/${session}.jsonl`), "new");
    expect(await here.read()).toBe("new");
  });

  it("follows no link, and waits for no pipe", async () => {
    await using here = await place();
    await writeFile(here.folder.join("secret"), "secret");
    await symlink(here.folder.join("secret"), here.path);
    await expect(here.read()).rejects.toMatchObject({ code: "not_found" });
    await mkdir(here.folder.join("projects/-pipe"));
    await promisify(execFile)("mkfifo", [here.folder.join(`projects/-pipe/${session}.jsonl`)]);
    await mkdir(here.folder.join(`projects/-folder/${session}.jsonl`), { recursive: true });
    await expect(here.read()).rejects.toMatchObject({ code: "not_found" });
  });
});
