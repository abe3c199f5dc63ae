import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folders.ts";
import { runGit } from "./git.ts";
import { startGitHttpServer } from "./git-http-server.ts";
import { createGitRepository } from "./repositories.ts";
import { waitFor } from "./wait.ts";

const served = async () => {
  const folder = await temporaryFolder();
  const repository = await createGitRepository({ path: folder.join("served", "a.git"), thousandFiles: true, bare: true });
  return { folder, repository, root: folder.join("served"), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

test("serves a clone and takes a push when it may", async () => {
  await using place = await served();
  await using server = await startGitHttpServer({ root: place.root, allowPush: true });
  await runGit(place.folder.path, ["clone", "--quiet", `${server.url}/a.git`, "copy"]);
  const copy = place.folder.join("copy");
  expect((await runGit(copy, ["ls-files"])).split("\n")).toHaveLength(1000);
  await runGit(copy, ["commit", "--quiet", "--allow-empty", "-m", "More"]);
  await runGit(copy, ["push", "--quiet", "origin", "HEAD:refs/heads/more"]);
  expect(await place.repository.commitId("more")).toBe(await runGit(copy, ["rev-parse", "HEAD"]));
});

test("refuses a push unless it was allowed", async () => {
  await using place = await served();
  await using server = await startGitHttpServer({ root: place.root });
  await runGit(place.folder.path, ["clone", "--quiet", `${server.url}/a.git`, "copy"]);
  await expect(runGit(place.folder.join("copy"), ["push", "--quiet", "origin", "HEAD:refs/heads/x"])).rejects.toThrow("403");
});

test("asks for the credentials and records what was sent", async () => {
  await using place = await served();
  await using server = await startGitHttpServer({ root: place.root, credentials: { username: "ada", password: "pass" } });
  const listRemote = (address: string) => runGit(place.folder.path, ["ls-remote", `${address}/a.git`]);
  await expect(listRemote(server.url)).rejects.toThrow();
  expect(await listRemote(server.url.replace("//", "//ada:pass@"))).toContain("refs/heads/main");
  expect(server.requests.at(0)?.authorization).toBeNull();
  expect(server.requests.at(-1)?.authorization).toBe(`Basic ${btoa("ada:pass")}`);
});

test("answers with the fault that was set, until it is taken away", async () => {
  await using place = await served();
  await using server = await startGitHttpServer({ root: place.root, fault: { status: 500 } });
  const url = `${server.url}/a.git/info/refs?service=git-upload-pack`;
  expect((await fetch(url)).status).toBe(500);
  server.setFault({ status: 404 });
  expect((await fetch(url)).status).toBe(404);
  server.setFault("cut");
  await expect(fetch(url)).rejects.toThrow();
  server.setFault({ redirectTo: "http://127.0.0.1:1" });
  expect((await fetch(url, { redirect: "manual" })).headers.get("location")).toContain("http://127.0.0.1:1/a.git/info");
  server.setFault("hang");
  const abort = new AbortController();
  const hanging = fetch(url, { signal: abort.signal });
  await waitFor(() => server.pending() === 1, { what: "the request to arrive" });
  abort.abort();
  await expect(hanging).rejects.toThrow();
  await waitFor(() => server.pending() === 0);
  server.setFault(null);
  expect((await fetch(url)).status).toBe(200);
});

test("ends when it is disposed while a client leaves a long answer unread", async () => {
  await using place = await served();
  const head = await place.repository.commitId();
  const tags = Array.from({ length: 50_000 }, (_, index) => `${head} refs/tags/v${String(index).padStart(5, "0")}\n`);
  await writeFile(`${place.repository.path}/packed-refs`, `# pack-refs with: peeled fully-peeled sorted \n${tags.join("")}`);
  const server = await startGitHttpServer({ root: place.root });
  const response = await fetch(`${server.url}/a.git/info/refs?service=git-upload-pack`);
  expect(response.status).toBe(200);
  await server[Symbol.asyncDispose]();
  await expect(response.text()).rejects.toThrow();
});
