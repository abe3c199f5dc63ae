import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { findOwner, type Ownership, takeOwnership } from "./ownership.ts";

const looks = (all: Ownership[]) => Promise.all(all.map((each) => each.look()));

describe("the ownership of a door", () => {
  test("is the last one's who took it, also when all that came after have left", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const take = () => takeOwnership(path, { fence: 1, control: "/a" });
    const first = await take();
    expect(await looks([first])).toEqual(["ours"]);
    const second = await take();
    expect(await looks([first, second])).toEqual(["taken", "ours"]);
    await second.forgetOthers();
    expect(await looks([first, second])).toEqual(["taken", "ours"]);
    const third = await take();
    expect(await looks([first, second, third])).toEqual(["taken", "taken", "ours"]);
    await third.forgetOthers();
    await third.release();
    expect(await readdir(folder.path)).toEqual([]);
    expect(await findOwner(path)).toBeNull();
    // The number of the first one again: it must not take that for its own.
    const fourth = await take();
    expect(fourth.number).toBe(first.number);
    expect(await looks([first, second, fourth])).toEqual(["taken", "taken", "ours"]);
    for (const each of [first, second]) await each.release();
    expect(await looks([fourth])).toEqual(["ours"]);
    await fourth.release();
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("falls back to the one before when who took it leaves without having it made sure", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const first = await takeOwnership(path, { fence: 1, control: null });
    const second = await takeOwnership(path, { fence: 2, control: null });
    await second.release();
    expect(await looks([first])).toEqual(["ours"]);
    await first.release();
  });

  test.each(Array.from({ length: 40 }, (_, round) => round))("is one's alone of many who take it at once (%i)", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const all = await Promise.all(
      Array.from({ length: 24 }, (_, fence) => takeOwnership(path, { fence: 7, control: String(fence) })),
    );
    const standings = await looks(all);
    expect(standings.filter((standing) => standing === "ours")).toHaveLength(1);
    const owner = all.findIndex((_, index) => standings[index] === "ours");
    expect(await findOwner(path)).toEqual({ fence: 7, control: String(owner) });
    for (const each of all) await each.release();
  });

  test("is not for a smaller fencing number, however it came to be greater", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const first = await takeOwnership(path, { fence: 9, control: "/a" });
    await first.raise(10);
    await first.raise(4);
    expect(await findOwner(path)).toEqual({ fence: 10, control: "/a" });
    await expect(takeOwnership(path, { fence: 9, control: "/b" })).rejects.toMatchObject({ code: "forbidden" });
    expect(await looks([first])).toEqual(["ours"]);
    const second = await takeOwnership(path, { fence: 10, control: "/b" });
    expect(await looks([first, second])).toEqual(["taken", "ours"]);
    for (const each of [first, second]) await each.release();
  });

  test("is missing when its files were removed, and kept from nobody by what is no owner's file", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    await writeFile(`${path}.owner-3`, "{");
    await mkdir(`${path}.owner-4`);
    await writeFile(`${path}.owner-x`, "");
    await writeFile(folder.join("audit.ndjson2.owner-9"), '{"fence":99,"control":null}');
    const first = await takeOwnership(path, { fence: 1, control: null });
    expect(first.number).toBe(5);
    for (const name of await readdir(folder.path)) await rm(folder.join(name), { recursive: true });
    expect(await looks([first])).toEqual(["missing"]);
    await first.release();
  });
});
