import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FolderListing, namesOfPath } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { collect, keptPlace, OF } from "./testing/kept-place.ts";
import { createKeptTrees, type KeptTreesOptions } from "./work-tree.ts";

const place = async (options: Partial<KeptTreesOptions> = {}) => {
  const here = await keptPlace({ "README.md": "hello\n", "src/deep/main.ts": "export {};\n" });
  const trees = createKeptTrees({ work: here.kept, dataDir: here.dataDir, ...options });
  const names = (path: string) => {
    const found = namesOfPath(path);
    if (found === null) throw new Error(`${path} is none`);
    return found;
  };
  return {
    ...here,
    trees,
    list: (path = "") => trees.list(OF, names(path)),
    read: async (path: string) => {
      await using download = await trees.open(OF, names(path));
      return download === null ? null : (await collect(download.chunks)).toString("utf8");
    },
    unpacked: async () =>
      (await readdir(join(here.dataDir, "kept")).catch((): string[] => [])).filter((name) => name.startsWith(".unfinished")),
    [Symbol.asyncDispose]: async () => {
      await trees[Symbol.asyncDispose]();
      await here[Symbol.asyncDispose]();
    },
  };
};

const shown = (listing: FolderListing | null) => listing?.entries.map(({ name, kind, bytes }) => [kind, name, bytes]);

describe("the files of kept work", () => {
  it("are nothing before anything is kept", async () => {
    await using here = await place();
    expect(await here.list()).toBeNull();
    expect(await here.read("README.md")).toBeNull();
    expect(await here.unpacked()).toEqual([]);
  });

  it("are those of the workspace, committed or not, folder by folder, with links that are not followed", async () => {
    await using here = await place();
    await writeFile(here.file("new file"), "new\n");
    await writeFile(here.file("src/deep/main.ts"), "export const changed = 1;\n");
    await symlink("../../etc/passwd", here.file("link"));
    await symlink("src", here.file("alias"));
    await here.keep();
    const root = await here.list();
    expect(root?.at).toBe((await here.kept.find(OF))?.at);
    expect(shown(root)).toEqual([
      ["folder", "src", null],
      ["link", "alias", null],
      ["link", "link", null],
      ["file", "new file", 4],
      ["file", "README.md", 6],
    ]);
    expect(root?.entries[2]?.target).toBe("../../etc/passwd");
    expect(shown(await here.list("src/deep"))).toEqual([["file", "main.ts", 26]]);
    expect(await here.read("src/deep/main.ts")).toBe("export const changed = 1;\n");
    for (const path of ["alias/deep", "nothing", "README.md/x", "src/deep/main.ts/x"])
      await expect(here.list(path)).rejects.toMatchObject({ code: "not_found" });
    await expect(here.list("README.md")).rejects.toMatchObject({ code: "conflict" });
    for (const path of ["link", "src"]) await expect(here.read(path)).rejects.toMatchObject({ code: "conflict" });
  });

  it("have names of every kind of bytes", async () => {
    await using here = await place();
    const names = ["a b", "ä", "line\nbreak", "tab\t", "100%", "-rf", ":(glob)*", "\u202Ex"];
    for (const name of names) await writeFile(here.file(name), name);
    const folder = Buffer.concat([Buffer.from(`${here.workspace}/`), Buffer.from([0xff, 0xfe])]);
    await mkdir(folder);
    await writeFile(Buffer.concat([folder, Buffer.from("/raw")]), "raw");
    await here.keep();
    const listed = (await here.list())?.entries ?? [];
    for (const { name, kind } of listed) {
      if (kind === "file" && name !== "README.md") expect(names).toContain(await here.read(name));
    }
    expect(listed).toHaveLength(names.length + 3);
    expect(await here.read("%FF%FE/raw")).toBe("raw");
  });

  it("have their paths told all at once, as those are written elsewhere", async () => {
    await using here = await place();
    expect(await here.trees.paths(OF)).toBeNull();
    await mkdir(here.file("sub%"));
    await writeFile(here.file("sub%/ä\n"), "");
    await symlink("src", here.file("alias"));
    await writeFile(Buffer.concat([Buffer.from(here.file("sub%/raw-")), Buffer.from([0xff])]), "");
    await here.keep();
    const found = await here.trees.paths(OF);
    expect(found).toMatchObject({ truncated: false, at: (await here.kept.find(OF))?.at });
    expect(new Set(found?.paths)).toEqual(new Set(["README.md", "alias", "src/deep/main.ts", "sub%25/ä%0A", "sub%25/raw-%FF"]));
    for (const path of found?.paths ?? []) if (path !== "alias") expect(await here.read(path)).not.toBeNull();
  });

  it("are unpacked once for one who looks around, anew when something else is kept, and put away after a while", async () => {
    await using here = await place({ idleMs: 20_000 });
    await here.keep();
    await here.list();
    const [first] = await here.unpacked();
    await Promise.all([here.list("src"), here.list("src/deep"), here.read("README.md")]);
    expect(await here.unpacked()).toEqual([first]);
    await writeFile(here.file("later"), "later\n");
    await here.keep();
    expect(shown(await here.list())).toContainEqual(["file", "later", 6]);
    const left = await here.unpacked();
    expect(left).toHaveLength(1);
    expect(left).not.toContain(first);
    await here.trees[Symbol.asyncDispose]();
    expect(await here.unpacked()).toEqual([]);

    await using brief = createKeptTrees({ work: here.kept, dataDir: here.dataDir, idleMs: 1 });
    await brief.list(OF, []);
    await waitFor(async () => (await here.unpacked()).length === 0, { what: "the files to be put away" });
    expect(await brief.list(OF, [])).not.toBeNull();
  });

  it("are given to the end though something else is kept meanwhile", async () => {
    await using here = await place();
    const text = "0123456789abcdef".repeat(100_000);
    await writeFile(here.file("large"), text);
    await here.keep();
    await using download = await here.trees.open(OF, namesOfPath("large") ?? []);
    await writeFile(here.file("later"), "later\n");
    await here.keep();
    await here.list();
    expect(download?.bytes).toBe(text.length);
    expect((await collect(download?.chunks ?? (async function* () {})())).toString() === text).toBe(true);
  });
});
