import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { SandboxMount } from "@ccr/protocol";
import { projectRoot, temporaryFolder, waitFor } from "@ccr/testkit";
import { connectEngine } from "../docker/engine.ts";

const isStopped = async (pid: number): Promise<boolean> => {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "latin1").catch(() => "")),
  );
  return stats.every((stat) => stat === "" || stat.slice(stat.lastIndexOf(")") + 2).startsWith("T"));
};

/** An engine of one test's own, which may be killed: nobody else uses it. */
export interface PrivateEngine extends AsyncDisposable {
  /** Its address as in `DOCKER_HOST`. */
  host: string;
  socketPath: string;
  /** Starts it and waits until it answers. */
  start(): Promise<void>;
  /** Sends its process a signal and, unless it only stops it, waits for its end. */
  signal(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
}

/** Where, in an image without the executor, a sandbox finds it all the same. */
export const RUNTIME_MOUNTS: SandboxMount[] = ["node_modules", "executor", "packages/protocol"].map((part) => ({
  source: `${projectRoot}/${part}`,
  target: `/opt/ccr/${part}`,
  readOnly: true,
}));

/**
 * Starts a private engine that has one image, taken from another engine. Only root can. Its containerd is a process beside it, which is not
 * killed with it, as where the system starts both.
 */
export const openPrivateEngine = async (
  image: { reference: string; from: string },
  { liveRestore }: { liveRestore: boolean },
): Promise<PrivateEngine> => {
  await using cleanUp = new AsyncDisposableStack();
  const folder = cleanUp.use(await temporaryFolder());
  const socketPath = folder.join("s");
  let engine: ChildProcess | null = null;

  /** The engine and its own children, which a killed one leaves: all of them have the folder among their arguments. */
  const processes = async (): Promise<number[]> => {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    const found = await Promise.all(
      pids.map(async (pid) => {
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        return pid !== process.pid && command.includes(folder.path) ? [pid] : [];
      }),
    );
    return found.flat();
  };

  const run = (program: string, flags: string[]): ChildProcess => {
    const log = openSync(folder.join("log"), "a");
    const started = spawn(program, flags, { stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    return started;
  };

  const start = async (): Promise<void> => {
    const started = run("dockerd", [
      ...["--data-root", folder.join("data"), "--exec-root", folder.join("exec"), "--pidfile", folder.join("pid")],
      ...["--containerd", folder.join("c")],
      ...["-H", `unix://${socketPath}`, "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"],
      ...(liveRestore ? ["--live-restore"] : []),
    ]);
    engine = started;
    await waitFor(
      async () => {
        if (started.exitCode !== null) return true;
        return connectEngine(socketPath, { timeoutMs: 2_000 }).ping();
      },
      { what: "the private engine to answer", timeoutMs: 60_000, intervalMs: 50 },
    );
    if (started.exitCode !== null) throw new Error(`dockerd ended: ${(await readFile(folder.join("log"), "utf8")).slice(-2000)}`);
  };

  const signal: PrivateEngine["signal"] = async (name) => {
    if (engine === null || engine.exitCode !== null || engine.signalCode !== null) return;
    const ended = once(engine, "exit");
    engine.kill(name);
    if (name === "SIGTERM" || name === "SIGKILL") await ended;
    // A thread that runs on another processor goes on for a moment, and may answer.
    if (name === "SIGSTOP")
      await waitFor(() => isStopped(engine?.pid ?? 0), { what: "the engine to stand still", intervalMs: 5 });
  };

  cleanUp.defer(async () => {
    await signal("SIGCONT");
    // What a test that failed has left would outlive an engine that restores it.
    if (engine?.exitCode !== null || engine.signalCode !== null) await start();
    const docker = connectEngine(socketPath);
    for (const { Id } of await docker.listContainers({ all: true })) await docker.getContainer(Id).remove({ force: true });
    await signal("SIGTERM");
    for (const pid of await processes()) process.kill(pid, "SIGKILL");
    await waitFor(async () => (await processes()).length === 0, { what: "the private engine's end" });
    // One that was killed had no chance to undo its mounts, and the next one leaves them as they were.
    const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").flatMap((line) => line.split(" ")[1] ?? []);
    for (const point of mounts.filter((mount) => mount.startsWith(`${folder.path}/`)).toReversed())
      await promisify(execFile)("umount", [point]);
  });
  run("containerd", ["--root", folder.join("cr"), "--state", folder.join("cs"), "--address", folder.join("c")]);
  await waitFor(() => existsSync(folder.join("c")), { what: "the private containerd" });
  await start();
  const given = await connectEngine(image.from).getImage(image.reference).get();
  const answer = await connectEngine(socketPath).loadImage(given);
  answer.resume();
  await once(answer, "end");
  const owned = cleanUp.move();
  return {
    host: `unix://${socketPath}`,
    socketPath,
    start,
    signal,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
