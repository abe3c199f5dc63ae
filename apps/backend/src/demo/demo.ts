import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TaskId } from "@ccr/protocol";
import { demoRepositoryFolder, demoTask, loadDemoScenario, startScriptedModel } from "@ccr/scripted-model";
import type { TaskStore } from "../store/types.ts";

const run = promisify(execFile);

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Makes the demo's git repository once; a later start finds it as the person left it. */
const makeRepository = async (folder: string, path: string): Promise<string> => {
  const repository = join(folder, "pocket-ledger");
  if (await exists(repository)) return repository;
  const half = `${repository}.half`;
  await rm(half, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(demoRepositoryFolder, half, { recursive: true });
  const env = {
    PATH: path,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "Demo",
    GIT_AUTHOR_EMAIL: "demo@example.org",
    GIT_COMMITTER_NAME: "Demo",
    GIT_COMMITTER_EMAIL: "demo@example.org",
  };
  const git = (...args: string[]) => run("git", args, { cwd: half, env });
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "Add the pocket ledger");
  await rename(half, repository);
  return repository;
};

export type Demo = AsyncDisposable & {
  modelUrl: string;
  repository: string;
  /** The task that was made for the demo; the person may have deleted it since. */
  taskId: TaskId;
};

/**
 * What demo mode needs: the scripted model in the place of the real one, a repository to work on, and, the first time, a task
 * ready to launch. A demo task that the person deleted stays deleted.
 */
export const startDemo = async (options: { dataDir: string; path: string; tasks: TaskStore }): Promise<Demo> => {
  const folder = join(options.dataDir, "demo");
  const [repository, model] = await Promise.all([
    makeRepository(folder, options.path),
    loadDemoScenario().then((scenario) => startScriptedModel({ scenario })),
  ]);
  const marker = join(folder, "task");
  const made = TaskId.safeParse((await readFile(marker, "utf8").catch(() => "")).trim());
  const taskId = made.success ? made.data : (await options.tasks.create({ ...demoTask, allowNoChanges: false })).id;
  if (!made.success) await writeFile(marker, `${taskId}\n`);
  return { modelUrl: model.url, repository, taskId, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
};
