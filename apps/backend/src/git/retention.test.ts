import { mkdir, readdir, utimes } from "node:fs/promises";
import { parseRepository } from "@ccr/protocol";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { createMirrorUse } from "./mirror-use.ts";
import { createMirrors, mirrorName } from "./mirrors.ts";
import { createMirrorRetention } from "./retention.ts";

const addressOf = (text: string) => {
  const parsed = parseRepository(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.address;
};

const place = async () => {
  const folder = await temporaryFolder();
  const repository = await createGitRepository({ files: { "a.txt": "1" }, path: folder.join("roots", "hello") });
  const real = createMirrorUse();
  const use = {
    ...real,
    onEnter: async () => {},
    enter: async (path: string) => {
      const inside = await real.enter(path);
      await use.onEnter();
      return inside;
    },
  };
  const times = { now: new Date("2026-11-22T20:00:00.000Z") };
  const mirrors = createMirrors({
    dataDir: folder.path,
    localRepositoryRoots: [folder.join("roots")],
    use,
    now: () => times.now,
  });
  const ensure = () => mirrors.ensure(addressOf(repository.path), { report: () => {}, signal: new AbortController().signal });
  const retention = createMirrorRetention({ dataDir: folder.path, use, pins: mirrors });
  return { folder, repository, use, times, ensure, retention, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

test("a mirror is as old as its last use, also when there was nothing to fetch", async () => {
  await using here = await place();
  const { mirrorPath } = await here.ensure();
  await utimes(`${mirrorPath}/FETCH_HEAD`, new Date(0), new Date(0)).catch(() => {});
  expect(await here.retention.list()).toMatchObject([{ path: mirrorPath, usedAt: here.times.now }]);
  here.times.now = new Date("2026-12-22T20:00:00.000Z");
  await here.ensure();
  expect((await here.retention.list())[0]?.usedAt.getTime()).toBeGreaterThanOrEqual(here.times.now.getTime());
});

test("knows a mirror by the repository of a run, as a person gave it", async () => {
  await using here = await place();
  await here.ensure();
  const [mirror] = await here.retention.list();
  expect(await here.retention.namesFor(here.repository.path)).toContain(mirror?.name);
  expect(await here.retention.namesFor("acme/slugs")).toEqual([mirrorName("https://github.com/acme/slugs.git")]);
  expect(await here.retention.namesFor("not a repository")).toEqual([]);
});

test("one that was not used for long is removed, and fetched anew when it is wanted", async () => {
  await using here = await place();
  const { mirrorPath, commit } = await here.ensure();
  const name = (await here.retention.list())[0]?.name ?? "";
  expect(await here.retention.remove(name, here.times.now)).toBe(false);
  await utimes(mirrorPath, new Date(0), new Date(0));
  await utimes(`${mirrorPath}/FETCH_HEAD`, new Date(0), new Date(0)).catch(() => {});
  expect(await here.retention.remove(name, here.times.now)).toBe(true);
  expect(await here.retention.remove(name, here.times.now)).toBe(false);
  expect(await readdir(here.folder.join("mirrors"))).toEqual([]);
  expect(await here.ensure()).toMatchObject({ mirrorPath, commit });
});

test("one that is being fetched is not removed, however old it looks", async () => {
  await using here = await place();
  await here.ensure();
  const name = (await here.retention.list())[0]?.name ?? "";
  const later = new Date("2030-01-01T00:00:00.000Z");
  const tried: boolean[] = [];
  here.use.onEnter = async () => void tried.push(await here.retention.remove(name, later));
  await here.ensure();
  expect(tried).toEqual([false]);
  expect(await here.retention.remove(name, later)).toBe(true);
});

test("who wants a mirror waits until its removal is over", async () => {
  const use = createMirrorUse();
  const removing = Promise.withResolvers<void>();
  const order: string[] = [];
  const removal = use.whenIdle("m", async () => {
    await removing.promise;
    order.push("removed");
    return true;
  });
  const entering = use.enter("m").then((inside) => {
    order.push("entered");
    return inside;
  });
  expect(await use.whenIdle("m", async () => order.push("removed twice"))).toBeNull();
  removing.resolve();
  expect(await removal).toBe(true);
  const inside = await entering;
  expect(order).toEqual(["removed", "entered"]);
  const other = await use.enter("m");
  inside[Symbol.dispose]();
  inside[Symbol.dispose]();
  expect(await use.whenIdle("m", async () => 1)).toBeNull();
  other[Symbol.dispose]();
  expect(await use.whenIdle("m", async () => 1)).toBe(1);
  // A removal that failed leaves the way free.
  await expect(use.whenIdle("m", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await use.whenIdle("m", async () => 2)).toBe(2);
});

test("there need be no folder, and what is no mirror is left alone", async () => {
  await using folder = await temporaryFolder();
  const retention = createMirrorRetention({
    dataDir: folder.path,
    use: createMirrorUse(),
    pins: { isPinned: async () => false },
  });
  expect(await retention.list()).toEqual([]);
  await mkdir(folder.join("mirrors", "precious"), { recursive: true });
  expect(await retention.list()).toEqual([]);
  for (const name of ["precious", "../mirrors", "..", "0123456789abcdef-x.git"]) {
    expect(await retention.remove(name, new Date("2100-01-01"))).toBe(false);
  }
  expect(await readdir(folder.join("mirrors"))).toEqual(["precious"]);
});
