import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import { createGitRepository, type GitHttpServer, startGitHttpServer, temporaryFolder } from "@ccr/testkit";

const execute = promisify(execFile);

/** A repository on a host of its own, to which anybody may push. */
export const openGitHost = async () => {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const bare = folder.join("team", "hello.git");
  await mkdir(folder.join("team"));
  parts.use(await createGitRepository({ path: bare, bare: true, files: { "a.txt": "a\n" } }));
  const server: GitHttpServer = parts.use(await startGitHttpServer({ root: folder.path, allowPush: true }));
  const rest = parts.move();
  return {
    server,
    bare,
    repository: `${server.url}/team/hello.git`,
    git: async (...args: string[]) => (await execute("git", ["-C", bare, ...args])).stdout.trim(),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
};
export type GitHost = Awaited<ReturnType<typeof openGitHost>>;
