import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { parseRepository } from "@ccr/protocol";
import {
  createGitRepository,
  type GitHttpServerOptions,
  leakWatch,
  type RepositoryOptions,
  startGitHttpServer,
  temporaryFolder,
  waitFor,
} from "@ccr/testkit";
import { expect, test } from "vitest";
import { createMirrors, MirrorError, type MirrorsOptions } from "./mirrors.ts";
import { tokenForGitHub } from "./testing/token-for.ts";

const TOKEN = "ghp_verySecret123";

/** A git server with one repository, and mirrors that know it by name: `git.example.test`. */
const place = async (
  server: Partial<GitHttpServerOptions> = {},
  options: Partial<MirrorsOptions> = {},
  content: RepositoryOptions = { files: { "a.txt": "a" } },
) => {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const root = folder.join("served");
  const repository = await createGitRepository({ ...content, path: `${root}/hello.git`, bare: true });
  const git = stack.use(await startGitHttpServer({ root, ...server }));
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    if (host === "metadata.example.test") return ["127.0.0.1", "169.254.169.254"];
    return host.endsWith(".example.test") ? ["127.0.0.1"] : [];
  };
  const mirrors = createMirrors({
    dataDir: folder.join("data"),
    localRepositoryRoots: [],
    credential: tokenForGitHub(TOKEN),
    resolve,
    ...options,
  });
  const url = `http://git.example.test:${git.port}/hello.git`;
  const told: string[] = [];
  const ensure = (text = url, signal = new AbortController().signal) => {
    const parsed = parseRepository(text);
    if (!parsed.ok) throw new Error(parsed.message);
    return mirrors.ensure(parsed.address, { report: (line) => told.push(line), signal });
  };
  return { folder, repository, git, url, ensure, told, asked, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};

const refused = async (work: Promise<unknown>): Promise<MirrorError> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof MirrorError) return error;
  throw new Error(`not a MirrorError but ${String(error)}`);
};

test("mirrors a thousand files over http, dials the checked address, and shows the token to nobody", async () => {
  await using here = await place({}, {}, { thousandFiles: true });
  const fresh = await here.ensure();
  expect(fresh.commit).toBe(await here.repository.commitId());
  expect(fresh.cloneUrl).toBe(here.url);
  expect(here.told.join()).toMatch(/Receiving objects: 100 %/);
  expect(here.git.requests.map(({ authorization }) => authorization).filter((value) => value !== null)).toEqual([]);
  const files = await readdir(here.folder.join("data"), { recursive: true, withFileTypes: true });
  for (const file of files) {
    if (file.isFile()) expect(await readFile(`${file.parentPath}/${file.name}`, "latin1")).not.toContain(TOKEN);
  }
});

test("says what a server's refusal means, and keeps the credential out of it", async () => {
  await using here = await place({ credentials: { username: "ada", password: "right" } });
  const error = await refused(here.ensure());
  expect(error.reason).toBe("repository_unreachable");
  expect(error.message).toContain(`The repository ${here.url} does not exist, or reading it needs a token`);
  expect(error.message).toContain("Git says: fatal: could not read Username");
});

test.each([
  [{ status: 404 }, "There is no repository"],
  [{ status: 403 }, "does not exist, or reading it needs a token"],
  [{ status: 500 }, "could not be fetched. Git says: fatal: "],
  ["cut" as const, "could not be fetched. Git says: fatal: "],
])("a server that answers %j is unreachable, even with a mirror at hand", async (fault, words) => {
  await using here = await place();
  await here.ensure();
  here.git.setFault(fault);
  const error = await refused(here.ensure());
  expect([error.reason, error.message]).toEqual(["repository_unreachable", expect.stringContaining(words)]);
  here.git.setFault(null);
  expect((await here.ensure()).ref.name).toBe("main");
});

test("a repository that the server does not have, and a host that nobody has", async () => {
  await using here = await place();
  expect((await refused(here.ensure(here.url.replace("hello", "other")))).message).toContain("There is no repository");
  expect((await refused(here.ensure("http://unknown.invalid/a.git"))).message).toContain("its name has no address");
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const address = closed.address();
  closed.close();
  await once(closed, "close");
  const port = typeof address === "object" && address !== null ? address.port : 0;
  expect((await refused(here.ensure(`http://git.example.test:${port}/a.git`))).message).toContain("Failed to connect");
});

test("gives up on a server that is silent", async () => {
  await using here = await place({ fault: "hang" }, { stallSeconds: 1 });
  const error = await refused(here.ensure());
  expect([error.reason, error.message]).toEqual(["repository_unreachable", expect.stringContaining("Operation too slow")]);
});

test("gives up when the time is up, and leaves nothing", async () => {
  const leaks = await leakWatch();
  {
    await using here = await place({ fault: "hang" }, { timeoutMs: 300 });
    const error = await refused(here.ensure());
    expect([error.reason, error.message]).toEqual([
      "repository_unreachable",
      expect.stringContaining("could not be fetched within"),
    ]);
    expect(await readdir(here.folder.join("data", "mirrors"))).toEqual([]);
  }
  await leaks.assertNothingLeft();
});

test("an abort ends every process of the fetch before it is told", async () => {
  const leaks = await leakWatch();
  await using here = await place({ fault: "hang" });
  const before = await leaks.left();
  const abort = new AbortController();
  const work = here.ensure(here.url, abort.signal);
  work.catch(() => {}); // awaited below
  await waitFor(() => here.git.pending() === 1);
  expect((await leaks.left()).some((line) => line.includes("git-remote-http"))).toBe(true);
  abort.abort(new Error("canceled by a person"));
  await expect(work).rejects.toThrow("canceled by a person");
  expect(await leaks.left()).toEqual(before);
  expect(await readdir(here.folder.join("data", "mirrors"))).toEqual([]);
});

test("runs that come at once share one fetch; it goes on when one of them leaves", async () => {
  await using here = await place();
  const single = await place();
  await single.ensure();
  const forOne = single.git.requests.length;
  await single[Symbol.asyncDispose]();

  const abort = new AbortController();
  const leaving = here.ensure(here.url, abort.signal);
  leaving.catch(() => {}); // awaited below
  const staying = [here.ensure(), here.ensure(), here.ensure()];
  await waitFor(() => here.git.requests.length > 0);
  abort.abort();
  await expect(leaving).rejects.toThrow();
  const commits = (await Promise.all(staying)).map(({ commit }) => commit);
  expect(new Set(commits)).toEqual(new Set([await here.repository.commitId()]));
  expect(here.git.requests).toHaveLength(forOne);
});

test("two repositories are fetched beside each other", async () => {
  await using here = await place();
  await createGitRepository({ path: here.folder.join("served", "two.git"), files: { "a.txt": "a" }, bare: true });
  const [one, two] = await Promise.all([here.ensure(), here.ensure(here.url.replace("hello", "two"))]);
  expect(one.mirrorPath).not.toBe(two.mirrorPath);
});

test("follows a redirect to a host that is checked", async () => {
  await using here = await place();
  await using front = await startGitHttpServer({
    root: "/nonexistent",
    fault: { redirectTo: `http://new.example.test:${here.git.port}` },
  });
  const fresh = await here.ensure(`http://git.example.test:${front.port}/hello.git`);
  expect(fresh.commit).toBe(await here.repository.commitId());
  expect(here.asked).toEqual(["git.example.test", "new.example.test"]);
});

test.each([
  ["http://169.254.169.254", "link-local, metadata"],
  ["http://metadata.example.test", "metadata.example.test (169.254.169.254)"],
  ["http://0xa9.0xfea9fe", "link-local, metadata"],
  ["http://unknown.invalid", "its name has no address"],
  ["file:///etc", "302"],
  ["http://user:secret@git.example.test", "302"],
])("does not follow a redirect to %s", async (redirectTo, words) => {
  await using here = await place();
  await using front = await startGitHttpServer({ root: "/nonexistent", fault: { redirectTo } });
  const error = await refused(here.ensure(`http://git.example.test:${front.port}/hello.git`));
  expect([error.reason, error.message]).toEqual(["repository_unreachable", expect.stringContaining(words)]);
  expect(error.message).not.toContain("secret");
});

test("does not follow redirects for ever", async () => {
  await using here = await place();
  await using front = await startGitHttpServer({ root: "/nonexistent" });
  front.setFault({ redirectTo: `http://git.example.test:${front.port}` });
  expect((await refused(here.ensure(`http://git.example.test:${front.port}/hello.git`))).message).toContain("302");
  expect(front.requests.length).toBeLessThan(10);
});

test.each(["http://169.254.169.254/a.git", "http://[fe80::1]/a.git", "http://0/a.git", "http://metadata.example.test/a.git"])(
  "refuses the address %s before anything is dialled",
  async (url) => {
    await using here = await place();
    const error = await refused(here.ensure(url));
    expect([error.reason, error.message]).toEqual(["repository_unreachable", expect.stringContaining("are refused")]);
  },
);

test("a repository over ssh that cannot be had is an error for people, and asks nobody", async () => {
  await using here = await place();
  const server = createServer((socket) => socket.end("not ssh\r\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const error = await refused(here.ensure(`ssh://git@127.0.0.1:${port}/a.git`));
  server.close();
  expect([error.reason, error.message]).toEqual(["repository_unreachable", expect.stringContaining("Git says: ")]);
});
