import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, constants, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type EngineApi, engineApi } from "./engine-api.ts";
import { whileLocked } from "./engine-lock.ts";
import { isAlive, socketIn, startEngineProcess, stopEngineProcess } from "./engine-process.ts";

/** A Docker Engine to test with. */
export interface DockerEngine {
  /** As in `DOCKER_HOST`. */
  host: string;
  /** An image that the executor image can be built on. */
  baseImage: string;
}

/** Why there is no engine, and how to have one. */
export interface NoDockerEngine {
  why: string;
}

// Set by the global set-up for all test files of one run: the number of the process that ends when the last test has ended.
const USER = "CCR_TEST_ENGINE_USER";

const OFFICIAL_BASE = { name: "node", tag: "24-bookworm" } as const;
const OWN_BASE = { name: "ccr-test-base", tag: "bookworm" } as const;

// A pull that works shows it soon; where registries cannot be reached, some firewalls let it hang.
const PULLED_WITHIN_MS = 300_000;

/** Where images and their build cache live on between test runs. */
export const testCache = (): string => process.env.CCR_TEST_CACHE ?? join(homedir(), ".cache", "claude-code-runner-test");

/**
 * The engine that all tests share: the machine's own when one answers, else a private one that the first caller starts (as root, where
 * dockerd is installed). Several test runs at once use the same; the global set-up of the last one stops it. Images stay in the cache.
 */
export const sharedDockerEngine = async (): Promise<DockerEngine | NoDockerEngine> => {
  const user = process.env[USER];
  if (user === undefined)
    throw new Error("List engine-global-setup.ts of the testkit in vitest's globalSetup: it stops the Docker Engine in the end.");
  return whileNoOtherTest("engine", async () => {
    const existing = await existingEngine();
    if (existing !== null) return withBaseImage(existing);
    if (process.getuid?.() !== 0) return { why: "no Docker Engine answers, and only root can start one for the tests" };
    if (!(await isInstalled("dockerd")))
      return { why: "no Docker Engine answers, and none is installed (apt-get install docker.io iptables)" };
    await mkdir(usersFolder(), { recursive: true });
    await writeFile(join(usersFolder(), user), "");
    if (!(await engineApi(privateSocket()).answers())) await startEngineProcess(privateEngine());
    return withBaseImage(privateSocket());
  });
};

/** Does something that no other test on this machine does at the same time, such as the first build of an image. */
export const whileNoOtherTest = <Result>(name: string, act: () => Promise<Result>): Promise<Result> =>
  whileLocked(join(testCache(), `${name}.lock`), act);

/** Makes this process the one whose test files use the engine; disposing stops a private engine that nobody else uses. */
export const shareEngine = (): AsyncDisposable => {
  process.env[USER] = String(process.pid);
  return { [Symbol.asyncDispose]: () => whileNoOtherTest("engine", leaveEngine) };
};

const leaveEngine = async (): Promise<void> => {
  await rm(join(usersFolder(), String(process.pid)), { force: true });
  const users = await readdir(usersFolder()).catch(() => []);
  if (users.some((user) => isAlive(Number(user)))) return;
  await stopEngineProcess(privateEngine());
  await rm(privateEngine().folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
};

// In /tmp whatever TMPDIR says: sockets need a short path, and every test run has to find the same one.
const privateEngine = () => ({
  folder: `/tmp/ccr-test-engine-${createHash("sha256").update(testCache()).digest("hex").slice(0, 8)}`,
  dataRoot: join(testCache(), "engine"),
});
const privateSocket = (): string => socketIn(privateEngine().folder);
const usersFolder = (): string => join(privateEngine().folder, "users");

const existingEngine = async (): Promise<string | null> => {
  const named = /^unix:\/\/(\/.+)$/.exec(process.env.DOCKER_HOST ?? "")?.[1];
  const socketPath = named ?? "/var/run/docker.sock";
  return (await engineApi(socketPath).answers()) ? socketPath : null;
};

const withBaseImage = async (socketPath: string): Promise<DockerEngine> => ({
  host: `unix://${socketPath}`,
  baseImage: await ensureBaseImage(engineApi(socketPath)),
});

/** The official base image, or where no registry can be reached, one made from Debian's packages. */
export const ensureBaseImage = async (engine: EngineApi): Promise<string> => {
  const official = `${OFFICIAL_BASE.name}:${OFFICIAL_BASE.tag}`;
  const own = `${OWN_BASE.name}:${OWN_BASE.tag}`;
  for (const image of [official, own]) if (await engine.hasImage(image)) return image;
  const problem = await engine.pull(OFFICIAL_BASE.name, OFFICIAL_BASE.tag, PULLED_WITHIN_MS);
  if (problem === null) return official;
  if (!(await isInstalled("mmdebstrap"))) {
    throw new Error(
      `The image ${official} cannot be pulled (${problem}), and mmdebstrap, which would make another, is not installed (apt-get install mmdebstrap).`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "ccr-base-"));
  try {
    const tarFile = join(folder, "root.tar");
    await promisify(execFile)("mmdebstrap", [
      "--quiet",
      "--variant=minbase",
      "--include=ca-certificates,git",
      "bookworm",
      tarFile,
    ]);
    await engine.importImage(tarFile, OWN_BASE);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return own;
};

const isInstalled = async (program: string): Promise<boolean> => {
  const folders = (process.env.PATH ?? "").split(":").concat("/usr/sbin", "/usr/bin");
  const found = folders.map((folder) => access(join(folder, program), constants.X_OK).then(() => true));
  return Promise.any(found).catch(() => false);
};
