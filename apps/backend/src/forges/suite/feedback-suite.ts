import { commitNamed, type ForgeKind } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { failureOf, never, REPOSITORY, startWorld, TIP, wanted } from "./world.ts";

/** What every implementation of `Feedback` and `RepositorySearch` must do. */
export const describeFeedback = (kind: ForgeKind): void => {
  describe(`feedback from ${kind}`, () => {
    test("has what continuous integration found, with the end of a failed job's log", async () => {
      await using world = await startWorld(kind);
      const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);
      world.host.setCi(REPOSITORY, TIP, [
        { name: "unit tests", state: "failed", log: `${lines.join("\n")}\nthe last line\n` },
        { name: "build", state: "passed", log: "fine\n" },
        { name: "deploy", state: "pending", log: "" },
        { name: "coverage", state: "failed", description: "Coverage went down" },
        { name: "licence", state: "passed", description: "All signed" },
      ]);
      const checks = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
      const states = Object.fromEntries(checks.map(({ name, state }) => [name, state]));
      expect(states).toEqual({
        "unit tests": "failed",
        build: "passed",
        deploy: "pending",
        coverage: "failed",
        licence: "passed",
      });
      const logOf = (name: string) => checks.find((check) => check.name === name)?.log(never);
      const log = await logOf("unit tests");
      expect(log?.endsWith("line 19999\nthe last line\n")).toBe(true);
      expect(log?.length).toBeLessThanOrEqual(64 * 1024);
      expect(await logOf("coverage")).toBe("Coverage went down");
      for (const { url } of checks) expect(url).toContain(world.host.url);
    });

    test("has every result, however many", async () => {
      await using world = await startWorld(kind);
      const names = Array.from({ length: 130 }, (_, index) => `check ${index}`);
      world.host.setCi(
        REPOSITORY,
        TIP,
        names.map((name) => ({ name, state: "passed", description: "fine" })),
      );
      const checks = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
      expect(checks.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
      expect(await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: commitNamed("base") }, never)).toEqual([]);
    });

    test("has no log where the host has none any more", async () => {
      await using world = await startWorld(kind);
      world.host.setCi(REPOSITORY, TIP, [{ name: "unit tests", state: "failed", log: "gone soon" }]);
      const [check] = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
      world.host.refuse({ status: 404, body: { message: "404 Not found" } }, ({ path }) => /log|trace/.test(path));
      expect(await check?.log(never)).toBeNull();
    });

    test("has comments of every kind, oldest first", async () => {
      await using world = await startWorld(kind);
      await world.forge.pullRequests.open(wanted(), never);
      const add = (comment: Parameters<typeof world.host.addComment>[2]) => world.host.addComment(REPOSITORY, 1, comment);
      add({ author: "ada", body: "Please rename this", path: "src/a.ts", line: 7 });
      add({ author: "grace", body: "Looks good otherwise", isReview: true });
      add({ author: "robot", body: "Coverage 93%", isBot: true });
      add({ author: "ada", body: "added a label", isSystem: true });
      add({ author: "ada", body: "Thanks" });
      const comments = await world.forge.feedback.comments({ repository: REPOSITORY, number: 1 }, never);
      expect(comments.map(({ body }) => body)).toEqual(["Please rename this", "Looks good otherwise", "Coverage 93%", "Thanks"]);
      expect(comments.map(({ isBot }) => isBot)).toEqual([false, false, true, false]);
      expect(comments[0]).toMatchObject({ author: "ada", path: "src/a.ts", line: 7 });
      expect(comments[3]).toMatchObject({ author: "ada", path: null, line: null });
      expect(new Set(comments.map(({ id }) => id)).size).toBe(4);
      for (const { at, url } of comments) {
        expect(Number.isNaN(Date.parse(at))).toBe(false);
        expect(url).toContain(world.host.url);
      }
    });

    test("has every comment, however many", async () => {
      await using world = await startWorld(kind);
      await world.forge.pullRequests.open(wanted(), never);
      for (let index = 0; index < 130; index++) world.host.addComment(REPOSITORY, 1, { author: "ada", body: `comment ${index}` });
      const comments = await world.forge.feedback.comments({ repository: REPOSITORY, number: 1 }, never);
      expect(comments.map(({ body }) => body)).toEqual(Array.from({ length: 130 }, (_, index) => `comment ${index}`));
    });

    test("can be answered", async () => {
      await using world = await startWorld(kind);
      await world.forge.pullRequests.open(wanted(), never);
      const said = await world.forge.feedback.comment({ repository: REPOSITORY, number: 1, body: "Done in **abc**" }, never);
      expect(said).toMatchObject({ body: "Done in **abc**", path: null });
      expect(await world.forge.feedback.comments({ repository: REPOSITORY, number: 1 }, never)).toEqual([said]);
      const error = await failureOf(world.forge.feedback.comment({ repository: REPOSITORY, number: 9, body: "x" }, never));
      expect(error).toMatchObject({ kind: "not_found" });
    });
  });

  describe(`repositories on ${kind}`, () => {
    test("are listed for an owner, over all pages, by name", async () => {
      const names = Array.from({ length: 130 }, (_, index) => `part-${String(index).padStart(3, "0")}`);
      const repositories = [
        ...names.toReversed().map((name) => ({ path: `acme/${name}` })),
        { path: REPOSITORY, defaultBranch: "trunk", isArchived: kind !== "bitbucket" },
        { path: "other/part-1" },
      ];
      await using world = await startWorld(kind, { repositories });
      const list = world.forge.repositories.list;
      const all = await list({ owner: "acme", query: null, limit: 1000 }, never);
      expect(all.map(({ repository }) => repository)).toEqual([...names.map((name) => `acme/${name}`), REPOSITORY]);
      expect(all.at(-1)).toEqual({
        repository: REPOSITORY,
        defaultBranch: "trunk",
        cloneUrl: `${world.host.url}/${REPOSITORY}.git`,
        isArchived: kind !== "bitbucket",
      });
      expect(await list({ owner: "acme", query: "TOOL", limit: 10 }, never)).toHaveLength(1);
      expect(await list({ owner: "acme", query: "part-0", limit: 3 }, never)).toMatchObject([
        { repository: "acme/part-000" },
        { repository: "acme/part-001" },
        { repository: "acme/part-002" },
      ]);
      expect(await list({ owner: "acme", query: "acme", limit: 10 }, never)).toEqual([]);
    });

    test("of a user are listed too", async () => {
      await using world = await startWorld(kind, { repositories: [{ path: "ada/notes" }, { path: REPOSITORY }] });
      expect(await world.forge.repositories.list({ owner: "ada", query: null, limit: 10 }, never)).toMatchObject([
        { repository: "ada/notes" },
      ]);
    });

    test("of nobody are not found", async () => {
      await using world = await startWorld(kind);
      const error = await failureOf(world.forge.repositories.list({ owner: "nobody", query: null, limit: 10 }, never));
      expect(error).toMatchObject({ kind: "not_found" });
    });
  });
};
