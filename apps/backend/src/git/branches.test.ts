import { createServer } from "node:http";
import { BRANCHES_MAX, parseRepository, type RepositoryAddress } from "@ccr/protocol";
import { createGitRepository, startGitHttpServer, temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { createBranches, readBranches } from "./branches.ts";

const COMMIT = "a".repeat(40);
const never = () => new AbortController().signal;

const addressOf = (text: string): RepositoryAddress => {
  const parsed = parseRepository(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.address;
};

describe("the answer of a host", () => {
  test("gives the default branch first, the others by name, and nothing that is no branch", () => {
    const answer = [
      "ref: refs/heads/main\tHEAD",
      `${COMMIT}\tHEAD`,
      `${COMMIT}\trefs/heads/z`,
      `${COMMIT}\trefs/heads/feature/a`,
      `${COMMIT}\trefs/heads/main`,
      `${COMMIT}\trefs/heads/-option`,
      `${COMMIT}\trefs/heads/a..b`,
      `${COMMIT}\trefs/remotes/origin/HEAD`,
      `${COMMIT}\trefs/tags/v1`,
    ].join("\n");
    expect(readBranches(answer)).toEqual({ defaultBranch: "main", branches: ["main", "feature/a", "z"], isWhole: true });
    expect(readBranches("")).toEqual({ defaultBranch: null, branches: [], isWhole: true });
  });

  test("is cut where nobody would look through it any more", () => {
    const many = Array.from({ length: BRANCHES_MAX + 1 }, (_, index) => `${COMMIT}\trefs/heads/b${index}`).join("\n");
    const { branches, isWhole } = readBranches(many);
    expect([branches.length, isWhole]).toEqual([BRANCHES_MAX, false]);
  });
});

describe("a repository's branches", () => {
  test("are told of a local one, as they are now", async () => {
    await using folder = await temporaryFolder();
    await using repository = await createGitRepository({ files: { a: "a\n" } });
    const branches = createBranches({
      dataDir: folder.path,
      localRepositoryRoots: [repository.path],
      environment: { PATH: process.env.PATH },
    });
    const address = addressOf(repository.path);
    const before = await branches.list(address, never());
    expect(before.branches).toEqual([before.defaultBranch]);
    await repository.git("branch", "feature/one");
    const other = createBranches({
      dataDir: folder.path,
      localRepositoryRoots: [repository.path],
      environment: { PATH: process.env.PATH },
    });
    expect((await other.list(address, never())).branches).toEqual([before.defaultBranch, "feature/one"]);
  });

  test("are not told of a path that is not allowed", async () => {
    await using folder = await temporaryFolder();
    await using repository = await createGitRepository({ files: { a: "a\n" } });
    const branches = createBranches({ dataDir: folder.path, localRepositoryRoots: [], environment: { PATH: process.env.PATH } });
    await expect(branches.list(addressOf(repository.path), never())).rejects.toMatchObject({
      code: "unprocessable",
      message: expect.stringContaining("CCR_LOCAL_REPOSITORIES"),
    });
  });

  test("are given up when the host is silent", async () => {
    await using folder = await temporaryFolder();
    const server = createServer(() => {});
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = bound !== null && typeof bound === "object" ? bound.port : 0;
    try {
      const branches = createBranches({
        dataDir: folder.path,
        localRepositoryRoots: [],
        environment: { PATH: process.env.PATH },
        resolve: async () => ["127.0.0.1"],
        timeoutMs: 700,
      });
      await expect(branches.list(addressOf(`http://git.example.test:${port}/a/b`), never())).rejects.toMatchObject({
        code: "timeout",
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test("need the host's credential, which nothing tells of", async () => {
    await using folder = await temporaryFolder();
    const root = folder.join("served");
    await createGitRepository({ files: { a: "a\n" }, path: `${root}/slugs.git`, bare: true });
    const token = "a-token-of-this-host";
    await using server = await startGitHttpServer({ root, credentials: { username: "x", password: token } });
    const address = addressOf(`http://git.example.test:${server.port}/slugs.git`);
    const resolve = async () => ["127.0.0.1"];
    const options = { dataDir: folder.join("data"), localRepositoryRoots: [], environment: { PATH: process.env.PATH }, resolve };
    const refused = createBranches({ ...options, credential: async () => ({ username: "x", password: "wrong-token" }) });
    const error: unknown = await refused.list(address, never()).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "unprocessable" });
    expect(String(error)).not.toContain("wrong-token");
    const allowed = createBranches({ ...options, credential: async () => ({ username: "x", password: token }) });
    expect((await allowed.list(address, never())).branches).toHaveLength(1);
  });
});
