import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FILE_PATHS_MAX, FilePaths } from "@ccr/protocol";
import { createGitRepository, type TemporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { runCommand } from "./run-command.ts";
import { executorFolder, startExecutor, type TestExecutor, testEnvironment } from "./testing/executor.ts";

const FILES = { "README.md": "1", "src/main.ts": "1", "src/gone.ts": "1", ".gitignore": "*.log\nnode_modules\n" };

const clone = async (folder: TemporaryFolder, executor: TestExecutor, directory?: string, more = false) => {
  const path = folder.join(`mirror-${directory}`);
  const mirror = await createGitRepository({ bare: true, path, files: FILES });
  const repositoryUrl = `https://host.test/owner/${directory ?? "one"}`;
  const request = {
    repositoryUrl,
    mirrorPath: mirror.path,
    ...(directory === undefined ? {} : { directory, moreFollows: more }),
  };
  const { status, text } = await executor.ask("POST", "/git-clone", request);
  if (status !== 200) throw new Error(text);
};

const place = async () => {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await executorFolder());
  const executor = stack.use(await startExecutor({ folder }));
  const workspace = folder.join("workspace");
  const ask = () => executor.ask("GET", "/paths");
  return {
    folder,
    executor,
    workspace,
    ask,
    list: async () => {
      const { paths, ...rest } = FilePaths.parse((await ask()).json);
      return { paths: paths.sort(), ...rest };
    },
    inWorkspace: (program: string, ...args: string[]) =>
      runCommand(program, args, { cwd: workspace, env: testEnvironment(folder) }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

describe("the paths of a workspace", () => {
  it("are none before anything was cloned", async () => {
    await using here = await place();
    expect(await here.list()).toEqual({ paths: [], truncated: false });
  });

  it("are those of what is there and not ignored, committed or not", async () => {
    await using here = await place();
    await clone(here.folder, here.executor);
    const { workspace } = here;
    await rm(join(workspace, "src/gone.ts"));
    await mkdir(join(workspace, "node_modules"));
    await writeFile(join(workspace, "node_modules/x.js"), "");
    await writeFile(join(workspace, "a.log"), "");
    await writeFile(join(workspace, "src/100%\n"), "");
    await symlink("/etc", join(workspace, "link"));
    await mkdir(join(workspace, "inner"));
    await here.inWorkspace("git", "init", "-q", "inner");
    await writeFile(join(workspace, "inner/file"), "");
    expect(await here.list()).toEqual({
      paths: [".gitignore", "README.md", "link", "src/100%25%0A", "src/main.ts"],
      truncated: false,
    });
  });

  it("begin with the folder of each of several repositories", async () => {
    await using here = await place();
    await clone(here.folder, here.executor, "api", true);
    await clone(here.folder, here.executor, "web");
    const each = Object.keys(FILES);
    expect((await here.list()).paths).toEqual(["api", "web"].flatMap((name) => each.map((path) => `${name}/${path}`)).sort());
  });

  it("are told of as far as there is room", async () => {
    await using here = await place();
    await clone(here.folder, here.executor);
    const script = `seq -f f%06g 1 ${FILE_PATHS_MAX + 5} | xargs touch`;
    await here.inWorkspace("bash", "-c", script);
    const { paths, truncated } = await here.list();
    expect(paths).toHaveLength(FILE_PATHS_MAX);
    expect(truncated).toBe(true);
  });

  it("cannot be told where the repository is no more, and not of one above it", async () => {
    await using here = await place();
    await clone(here.folder, here.executor);
    await here.inWorkspace("git", "init", "-q", "..");
    await rm(join(here.workspace, ".git"), { recursive: true });
    expect(await here.ask()).toMatchObject({
      status: 409,
      json: { error: { message: expect.stringMatching(/^The names of the files cannot be read: not a git repository/) } },
    });
  });
});
