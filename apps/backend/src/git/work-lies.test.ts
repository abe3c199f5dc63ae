import { readdir, readFile, writeFile } from "node:fs/promises";
import { CcrError, type WorkSnapshot } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { contentsOf, keptPlace, OF, pieces, RUN, signal } from "./testing/kept-place.ts";
import { parseBundleHeader } from "./work-bundle.ts";

/** A place with work that is kept, and later work that is not yet; and whether a lie about the later one left the earlier in its place. */
const scene = async () => {
  const here = await keptPlace({ "README.md": "hello\n", more: "1\n" });
  await writeFile(here.file("new"), "earlier\n");
  const earlier = await here.keep();
  const before = await contentsOf(here.workspace);
  await writeFile(here.file("new"), "later\n");
  await here.git("checkout", "-qb", "branch");
  await here.git("commit", "-q", "--allow-empty", "-m", "later");
  const snapshot = await here.snapshots.take(signal);
  const bundle = await here.bundleOf(snapshot);
  const refused = async (lie: WorkSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<CcrError> => {
    const error = await here.kept.keep(here.run, { snapshot: lie, bundle: chunks }, signal).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!(error instanceof CcrError)) throw new Error(`not refused: ${String(error)}`);
    expect((await here.kept.find(OF))?.snapshot).toEqual(earlier);
    expect(await contentsOf(await here.restored())).toEqual(before);
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([RUN]);
    expect(await readdir(here.folder.join("data", "kept", RUN))).toHaveLength(2);
    return error;
  };
  /** A bundle that git makes in the agent's repository. */
  const made = async (...args: string[]) => {
    const path = here.folder.join("lie.bundle");
    await here.git("bundle", "create", path, ...args);
    return readFile(path);
  };
  return { ...here, earlier, snapshot, bundleBytes: bundle, refused, made };
};

describe("a bundle that lies", () => {
  it("is refused when it holds other commits than the snapshot names", async () => {
    await using here = await scene();
    const other = { ...here.snapshot, snapshotCommit: "1".repeat(40) };
    expect((await here.refused(other, pieces(here.bundleBytes))).message).toContain("the snapshot is not in it");
    const wrongHead = { ...here.snapshot, headCommit: here.snapshot.baseCommit };
    expect((await here.refused(wrongHead, pieces(here.bundleBytes))).message).toContain("does not follow the HEAD");
    const otherBase = { ...here.snapshot, baseCommit: "2".repeat(40) };
    expect((await here.refused(otherBase, pieces(here.bundleBytes))).code).toBe("unprocessable");
    const noBase = { ...here.snapshot, baseCommit: null };
    expect((await here.refused(noBase, pieces(here.bundleBytes))).message).toContain("builds on commits");
    // An ordinary commit in the snapshot's place.
    const head = here.snapshot.headCommit ?? "";
    await here.git("update-ref", "refs/ccr/snapshot", head);
    const plain = await here.made("refs/ccr/snapshot", `^${here.snapshot.baseCommit}`);
    const asSnapshot = { ...here.snapshot, snapshotCommit: head };
    expect((await here.refused(asSnapshot, pieces(plain))).message).toContain("not described");
  });

  it("is refused when objects are missing, or bytes were changed", async () => {
    await using here = await scene();
    const header = parseBundleHeader(here.bundleBytes);
    if (typeof header === "string") throw new Error(header);
    // The header of the one before the pack of another.
    const unrelated = await here.made("branch", `^${here.snapshot.baseCommit}`);
    const other = parseBundleHeader(unrelated);
    if (typeof other === "string") throw new Error(other);
    const mixed = Buffer.concat([here.bundleBytes.subarray(0, header.packOffset), unrelated.subarray(other.packOffset)]);
    expect((await here.refused(here.snapshot, pieces(mixed))).code).toBe("unprocessable");
    const changed = Buffer.from(here.bundleBytes);
    changed.writeUInt8(changed.readUInt8(changed.length - 40) ^ 0xff, changed.length - 40);
    expect((await here.refused(here.snapshot, pieces(changed))).code).toBe("unprocessable");
    for (const length of [0, 10, header.packOffset, header.packOffset + 20, here.bundleBytes.length - 1]) {
      expect((await here.refused(here.snapshot, pieces(here.bundleBytes.subarray(0, length)))).code).toBe("unprocessable");
    }
    expect((await here.refused(here.snapshot, pieces(Buffer.alloc(3_000_000, "garbage\n")))).code).toBe("unprocessable");
  });

  it("is refused when it builds on commits beside its base", async () => {
    await using here = await scene();
    const side = await here.origin.git("commit-tree", "HEAD^{tree}", "-m", "in the mirror, but not in the base");
    await here.origin.git("branch", "side", side);
    await here.mirrors.ensure(
      { transport: "local", path: here.origin.path, display: here.origin.path },
      { report: () => {}, signal },
    );
    const text = here.bundleBytes.toString("latin1");
    const lie = Buffer.from(text.replace(/\n-[0-9a-f]{40}/, `\n-${side}`), "latin1");
    expect(lie).not.toEqual(here.bundleBytes);
    expect((await here.refused(here.snapshot, pieces(lie))).message).toContain("no part of its base");
  });

  it("is refused when an object of it could attack a later checkout", async () => {
    await using here = await scene();
    const blob = await here.git("hash-object", "-w", "README.md");
    const evil = here.folder.join("tree");
    await writeFile(evil, Buffer.concat([Buffer.from("100644 .git\0"), Buffer.from(blob, "hex")]));
    const tree = await here.git("hash-object", "-w", "-t", "tree", "--literally", evil);
    const commit = await here.git(
      "commit-tree",
      tree,
      "-p",
      "HEAD",
      "-m",
      `The workspace as it is\n\nHEAD ref: refs/heads/branch`,
    );
    await here.git("update-ref", "refs/ccr/snapshot", commit);
    const bundle = await here.made("refs/ccr/snapshot", `^${here.snapshot.baseCommit}`);
    const lie = { ...here.snapshot, snapshotCommit: commit };
    expect((await here.refused(lie, pieces(bundle))).message).toMatch(/\.git|fsck/);
  });

  it("is given up when it has no end", async () => {
    await using here = await scene();
    const limited = here.open({ maxBundleBytes: 1_000_000 });
    let sent = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 64 * 1024;
        yield Buffer.alloc(64 * 1024);
      }
    };
    const keeping = limited.keep(here.run, { snapshot: here.snapshot, bundle: endless() }, signal);
    await expect(keeping).rejects.toMatchObject({ code: "payload_too_large" });
    expect(sent).toBeLessThan(1_200_000);
    expect((await here.kept.find(OF))?.snapshot).toEqual(here.earlier);
  });

  it("is given up when its stream breaks off or nobody waits any more", async () => {
    await using here = await scene();
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield here.bundleBytes.subarray(0, 100);
      throw new Error("the sandbox is gone");
    };
    await expect(here.kept.keep(here.run, { snapshot: here.snapshot, bundle: broken() }, signal)).rejects.toThrow("is gone");
    const controller = new AbortController();
    const aborting = async function* (): AsyncGenerator<Uint8Array> {
      yield here.bundleBytes.subarray(0, 100);
      controller.abort(new Error("canceled"));
      yield here.bundleBytes.subarray(100);
    };
    const keeping = here.kept.keep(here.run, { snapshot: here.snapshot, bundle: aborting() }, controller.signal);
    await expect(keeping).rejects.toThrow("canceled");
    expect((await here.kept.find(OF))?.snapshot).toEqual(here.earlier);
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([RUN]);
    await here.kept.keep(here.run, { snapshot: here.snapshot, bundle: pieces(here.bundleBytes) }, signal);
    expect((await here.kept.find(OF))?.snapshot).toEqual(here.snapshot);
  });

  it("names no commit by a word that git would take for something else", async () => {
    await using here = await scene();
    for (const word of ["--output=/tmp/x", "HEAD", "refs/heads/main", `${"1".repeat(40)}\n^HEAD`, ""]) {
      for (const key of ["baseCommit", "headCommit", "snapshotCommit"] as const) {
        const lie = { ...here.snapshot, [key]: word };
        expect((await here.refused(lie, pieces(here.bundleBytes))).message).toContain("not a commit");
      }
    }
  });

  it("is refused when its folders name each other without end", async () => {
    await using here = await keptPlace();
    // Thirty folders that each name the one before ten times: 10^30 files in a few kilobytes.
    let tree = await here.git("rev-parse", "HEAD^{tree}");
    for (let depth = 0; depth < 30; depth++) {
      const entries = Array.from({ length: 10 }, (_, index) =>
        Buffer.concat([Buffer.from(`40000 d${index}\0`), Buffer.from(tree, "hex")]),
      );
      const path = here.folder.join("tree");
      await writeFile(path, Buffer.concat(entries));
      tree = await here.git("hash-object", "-w", "-t", "tree", path);
    }
    const commit = await here.git("commit-tree", tree, "-p", "HEAD", "-m", "The workspace as it is\n\nHEAD ref: refs/heads/main");
    const base = await here.git("rev-parse", "HEAD");
    await here.git("update-ref", "refs/ccr/snapshot", commit);
    const path = here.folder.join("bomb.bundle");
    await here.git("bundle", "create", path, "refs/ccr/snapshot", `^${base}`);
    const snapshot = { baseCommit: base, headCommit: base, branch: "main", snapshotCommit: commit };
    const keeping = here.kept.keep(here.run, { snapshot, bundle: pieces(await readFile(path)) }, signal);
    await expect(keeping).rejects.toMatchObject({ code: "unprocessable", message: expect.stringContaining("files") });
    expect(await here.kept.find(OF)).toBeNull();
  });
});

describe("parseBundleHeader", () => {
  it("takes nothing but plain bundles", () => {
    const commit = "a".repeat(40);
    const read = (text: string) => parseBundleHeader(Buffer.from(text));
    expect(read(`# v2 git bundle\n-${commit} subject\n${commit} refs/heads/a b\n\nPACK`)).toEqual({
      prerequisites: [commit],
      refs: [{ name: "refs/heads/a b", commit }],
      packOffset: 16 + 42 + 8 + 41 + 14 + 2,
    });
    expect(read(`# v3 git bundle\n@object-format=sha256\n${"b".repeat(64)} HEAD\n\n`)).toMatchObject({ prerequisites: [] });
    expect(read(`# v3 git bundle\n@filter=blob:none\n${commit} HEAD\n\n`)).toContain("@filter");
    for (const bad of ["", "PACK", "# v2 git bundle", "# v2 git bundle\nHEAD\n\n", `# v9 git bundle\n${commit} HEAD\n\n`]) {
      expect(typeof read(bad)).toBe("string");
    }
  });
});
