import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../folders.ts";
import { runGit } from "../git.ts";
import { createGitRepository } from "../repositories.ts";
import { type FakeForge, type ForgeKind, startForge } from "./start-forge.ts";
import { commitNamed } from "./state.ts";

const KINDS: ForgeKind[] = ["github", "gitlab", "gitea", "bitbucket"];
const PATH = "acme/tools";

/** Where a host has its list of pull requests, and its way to open one. */
const PULLS = {
  github: "/repos/acme/tools/pulls",
  gitlab: "/projects/acme%2Ftools/merge_requests",
  gitea: "/repos/acme/tools/pulls",
  bitbucket: "/repositories/acme/tools/pullrequests",
} as const;

let host: FakeForge | null = null;

const start = async (kind: ForgeKind): Promise<FakeForge> => {
  host = await startForge(kind, {
    repositories: [{ path: PATH, branches: { main: commitNamed("base"), work: commitNamed("tip") } }],
  });
  return host;
};

// Disposing tells of the problems, which these tests make on purpose.
afterEach(async () => {
  await Promise.resolve(host?.[Symbol.asyncDispose]()).catch(() => {});
  host = null;
});

const ask = (forge: FakeForge, path: string, body?: unknown) =>
  fetch(`${forge.apiUrl}${path}`, {
    headers: { authorization: `Bearer ${forge.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });

describe.each(KINDS)("a fake %s", (kind) => {
  test("refuses a path that its document does not have", async () => {
    const forge = await start(kind);
    expect((await ask(forge, "/pull-requests")).status).toBe(500);
    expect(forge.problems).toEqual([expect.stringContaining("/pull-requests: there is no such operation")]);
    await expect(forge[Symbol.asyncDispose]()).rejects.toThrow("there is no such operation");
  });

  test("refuses a query that its document does not have", async () => {
    const forge = await start(kind);
    expect((await ask(forge, `${PULLS[kind]}?sate=open`)).status).toBe(500);
    expect(forge.problems).toEqual([expect.stringContaining("the query's sate is not known")]);
    expect((await ask(forge, PULLS[kind])).status).toBe(200);
  });

  test("refuses a body with a name that its document does not have, or with a value of another kind", async () => {
    const forge = await start(kind);
    expect((await ask(forge, PULLS[kind], { type: "pullrequest", titel: "x" })).status).toBe(500);
    expect((await ask(forge, PULLS[kind], { type: "pullrequest", title: 7 })).status).toBe(500);
    expect(forge.problems[0]).toContain("titel is not known");
    expect(forge.problems[1]).toContain("title must be string");
  });

  test("serves git at the same address, and takes a push for the token alone", async () => {
    await using root = await temporaryFolder();
    await mkdir(dirname(root.join(PATH)), { recursive: true });
    await using origin = await createGitRepository({ path: root.join(`${PATH}.git`), files: { "a.txt": "a\n" }, bare: true });
    await using forge = await startForge(kind, { repositories: [{ path: PATH }], root: root.path });
    const urlFor = (token: string) => `${forge.url.replace("//", `//runner:${token}@`)}/${PATH}.git`;
    const work = root.join("work");
    await runGit(root.path, ["clone", "--quiet", urlFor(forge.readOnlyToken), work]);
    await runGit(work, ["checkout", "--quiet", "-b", "work"]);
    await runGit(work, ["commit", "--quiet", "--allow-empty", "-m", "Work"]);
    await expect(runGit(work, ["push", "--quiet", urlFor(forge.readOnlyToken), "work"])).rejects.toThrow("403");
    await runGit(work, ["push", "--quiet", urlFor(forge.token), "work"]);
    expect(await origin.commitId("work")).toBe(await runGit(work, ["rev-parse", "HEAD"]));
    expect(forge.problems).toEqual([]);
  });
});
