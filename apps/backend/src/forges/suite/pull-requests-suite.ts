import { commitNamed, type ForgeKind } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { failureOf, never, REPOSITORY, startWorld, TIP, wanted } from "./world.ts";

/** What differs between hosts, and has to. */
export interface PullRequestTraits {
  /** An answer with no pull requests in it. */
  emptyList: unknown;
  /** Bitbucket has no labels. */
  hasLabels: boolean;
  /** Where the words in front of the title are what makes a draft. */
  draftMark: string | null;
}

/** What every implementation of `PullRequests` must do. */
export const describePullRequests = (kind: ForgeKind, traits: PullRequestTraits): void => {
  describe(`pull requests on ${kind}`, () => {
    test("are opened, found, read, changed and closed", async () => {
      await using world = await startWorld(kind);
      const { pullRequests } = world.forge;
      expect(await pullRequests.findOpen({ repository: REPOSITORY, headBranch: "work" }, never)).toBeNull();
      const { pullRequest, notes } = await pullRequests.open(wanted(), never);
      expect(notes).toEqual([]);
      expect(pullRequest).toEqual({
        number: 1,
        url: expect.stringContaining(`${world.host.url}/${REPOSITORY}/`),
        state: "open",
        headCommit: TIP,
        headBranch: "work",
        baseBranch: "main",
        isDraft: false,
        title: "Add a thing",
      });
      expect(world.host.pullRequests(REPOSITORY)).toMatchObject([{ body: "It was missing.", state: "open" }]);
      expect(await pullRequests.findOpen({ repository: REPOSITORY, headBranch: "work" }, never)).toEqual(pullRequest);
      expect(await pullRequests.get({ repository: REPOSITORY, number: 1 }, never)).toEqual(pullRequest);
      const changed = await pullRequests.update({ repository: REPOSITORY, number: 1, title: "Add two things" }, never);
      expect(changed).toEqual({ ...pullRequest, title: "Add two things" });
      await pullRequests.update({ repository: REPOSITORY, number: 1, body: "Both were missing." }, never);
      expect(world.host.pullRequests(REPOSITORY)).toMatchObject([{ title: "Add two things", body: "Both were missing." }]);
      expect(await pullRequests.close({ repository: REPOSITORY, number: 1 }, never)).toMatchObject({ state: "closed" });
      expect(await pullRequests.close({ repository: REPOSITORY, number: 1 }, never)).toMatchObject({ state: "closed" });
      expect(await pullRequests.findOpen({ repository: REPOSITORY, headBranch: "work" }, never)).toBeNull();
    });

    test("lead to the one that is open from that branch already", async () => {
      await using world = await startWorld(kind);
      const first = await world.forge.pullRequests.open(wanted(), never);
      const again = await world.forge.pullRequests.open(
        wanted({ title: "Another title", labels: [], reviewers: ["ada"] }),
        never,
      );
      expect(again.pullRequest).toEqual(first.pullRequest);
      expect(world.host.pullRequests(REPOSITORY)).toMatchObject([{ title: "Add a thing", reviewers: ["ada"] }]);
    });

    test("lead to the one that somebody opened in the same moment", async () => {
      await using world = await startWorld(kind);
      await world.forge.pullRequests.open(wanted(), never);
      world.host.refuse({ status: 200, body: traits.emptyList }, ({ method }) => method === "GET");
      const { pullRequest } = await world.forge.pullRequests.open(wanted(), never);
      expect(pullRequest).toMatchObject({ number: 1, state: "open" });
      expect(world.host.pullRequests(REPOSITORY)).toHaveLength(1);
    });

    test.each(["closed", "merged"] as const)("are opened anew when the earlier one from that branch is %s", async (state) => {
      await using world = await startWorld(kind);
      const { pullRequests } = world.forge;
      await pullRequests.open(wanted(), never);
      world.host.setState(REPOSITORY, 1, state);
      expect(await pullRequests.get({ repository: REPOSITORY, number: 1 }, never)).toMatchObject({ state });
      expect(await pullRequests.close({ repository: REPOSITORY, number: 1 }, never)).toMatchObject({ state });
      expect((await pullRequests.open(wanted(), never)).pullRequest).toMatchObject({ number: 2, state: "open" });
    });

    test("from a fork's branch of the same name are not ours", async () => {
      await using world = await startWorld(kind);
      world.host.addPullRequest(REPOSITORY, { headBranch: "work", fork: "acme-fan/tools", frozenHead: commitNamed("theirs") });
      expect(await world.forge.pullRequests.findOpen({ repository: REPOSITORY, headBranch: "work" }, never)).toBeNull();
      expect((await world.forge.pullRequests.open(wanted(), never)).pullRequest).toMatchObject({ number: 2, headCommit: TIP });
    });

    test("are found among many", async () => {
      await using world = await startWorld(kind);
      world.host.addPullRequest(REPOSITORY, { headBranch: "work" });
      for (let index = 0; index < 120; index++) world.host.addPullRequest(REPOSITORY, { headBranch: "other" });
      expect(await world.forge.pullRequests.findOpen({ repository: REPOSITORY, headBranch: "work" }, never)).toMatchObject({
        number: 1,
      });
    });

    test("ask for reviews, and tell of the reviewers that the host does not take", async () => {
      await using world = await startWorld(kind);
      const { notes } = await world.forge.pullRequests.open(wanted({ reviewers: ["ada", "nobody", "grace"] }), never);
      expect(notes).toEqual([expect.stringMatching(/^nobody could not be asked to review/)]);
      expect(world.host.pullRequests(REPOSITORY)[0]?.reviewers.toSorted()).toEqual(["ada", "grace"]);
    });

    test("get labels, or a note when the host refuses them", async () => {
      const branches = { main: commitNamed("base"), work: TIP };
      const repositories = [
        { path: REPOSITORY, branches, labels: ["bug"] },
        { path: "acme/strict", branches, labels: ["bug"], refusesNewLabels: true },
      ];
      await using world = await startWorld(kind, { repositories });
      const free = await world.forge.pullRequests.open(wanted({ labels: ["bug", "new"] }), never);
      const strict = await world.forge.pullRequests.open(wanted({ repository: "acme/strict", labels: ["new"] }), never);
      expect(strict.pullRequest).toMatchObject({ number: 1, state: "open" });
      expect(strict.notes).toEqual([expect.stringContaining("new")]);
      if (!traits.hasLabels) return;
      expect(free.notes).toEqual([]);
      expect(world.host.pullRequests(REPOSITORY)[0]?.labels.toSorted()).toEqual(["bug", "new"]);
      expect(world.host.pullRequests("acme/strict")[0]?.labels).toEqual([]);
    });

    test("can be drafts, and stay drafts under a new title", async () => {
      await using world = await startWorld(kind);
      const { pullRequest } = await world.forge.pullRequests.open(wanted({ draft: true }), never);
      expect(pullRequest).toMatchObject({ isDraft: true, title: "Add a thing" });
      const changed = await world.forge.pullRequests.update({ repository: REPOSITORY, number: 1, title: "Add more" }, never);
      expect(changed).toMatchObject({ isDraft: true, title: "Add more" });
      expect(world.host.pullRequests(REPOSITORY)[0]?.title).toBe(`${traits.draftMark ?? ""}Add more`);
    });

    test("follow what is pushed to their branch", async () => {
      await using world = await startWorld(kind);
      await world.forge.pullRequests.open(wanted(), never);
      world.host.addPullRequest(REPOSITORY, { headBranch: "work", frozenHead: commitNamed("pushed") });
      expect(await world.forge.pullRequests.get({ repository: REPOSITORY, number: 2 }, never)).toMatchObject({
        headCommit: commitNamed("pushed"),
      });
    });

    test("are refused in the host's own words when the branch is not there", async () => {
      await using world = await startWorld(kind);
      const error = await failureOf(world.forge.pullRequests.open(wanted({ headBranch: "nowhere" }), never));
      expect(error).toMatchObject({ name: "ForgeError" });
      expect(String(error)).toMatch(/It says: .*(branch|head|nowhere)/i);
    });

    test("are refused in an archived repository", async () => {
      const repositories = [{ path: REPOSITORY, branches: { main: commitNamed("base"), work: TIP }, isArchived: true }];
      await using world = await startWorld(kind, { repositories });
      if (kind === "bitbucket") return; // it has no archive
      const error = await failureOf(world.forge.pullRequests.open(wanted(), never));
      expect(error).toMatchObject({ name: "ForgeError", kind: "forbidden" });
      expect(String(error)).toContain("archived");
    });

    test("know the branch that they are meant for", async () => {
      await using world = await startWorld(kind, { repositories: [{ path: REPOSITORY, defaultBranch: "trunk" }] });
      expect(await world.forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("trunk");
    });

    test("of what is not there are not found", async () => {
      await using world = await startWorld(kind);
      const { pullRequests } = world.forge;
      for (const work of [
        () => pullRequests.defaultBranch("acme/nothing", never),
        () => pullRequests.get({ repository: REPOSITORY, number: 99 }, never),
        () => pullRequests.open(wanted({ repository: "acme/nothing" }), never),
        () => pullRequests.defaultBranch("acme", never),
      ])
        expect(await failureOf(work())).toMatchObject({ name: "ForgeError", kind: "not_found" });
    });
  });
};
