import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import {
  CheckResult,
  ExecutorHealth,
  executorRoutes,
  InstanceId,
  type SandboxHandle,
  type SandboxLimits,
  SandboxSpec,
} from "@ccr/protocol";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { z } from "zod";
import type { SandboxDriver, UsageMeter } from "../types.ts";

/** How a driver is made in another process. */
export const DriverElsewhere = z.discriminatedUnion("driver", [
  z.object({ driver: z.literal("docker"), options: z.object({ engine: z.string(), owner: z.string(), stateDir: z.string() }) }),
  z.object({
    driver: z.literal("bubblewrap"),
    options: z.object({ owner: z.string(), stateDir: z.string(), projectRoot: z.string() }),
  }),
]);
export type DriverElsewhere = z.infer<typeof DriverElsewhere>;

/** What the suite needs to know of a driver to test it; made once for all tests. */
export interface DriverUnderTest extends AsyncDisposable {
  image: string;
  /** A driver as a server makes it at start; two of them know the same sandboxes. */
  open(): SandboxDriver;
  /** What tells of its sandboxes what they use. */
  meter: UsageMeter;
  /** What `open` makes, for another process to make it too. */
  elsewhere: DriverElsewhere;
  /** A driver as another server of this machine makes it: another owner, another folder. */
  openAsAnother(): SandboxDriver;
  /** All that is still there of a sandbox outside of the driver's own answers, for people. */
  traces(instanceId: InstanceId): Promise<string[]>;
}

export const newInstanceId = (): InstanceId => InstanceId.parse(`inst_${randomBytes(10).toString("hex")}`);

export const never = (): AbortSignal => new AbortController().signal;

const LIMITS: SandboxLimits = { memoryMb: 1024, cpus: 1, processes: 256, diskMb: 64 };

export const EXECUTOR_ENVIRONMENT = {
  EXECUTOR_LISTEN: "/doors/executor.sock",
  EXECUTOR_GATEWAY: "/doors/gateway.sock",
  EXECUTOR_SPOOL: "/spool",
  EXECUTOR_WORKSPACE: "/workspace",
  EXECUTOR_PREWARM: "0",
};

const FOLDERS = ["doors", "workspace", "home", "spool", "mirror"] as const;
const TARGETS = {
  doors: "/doors",
  workspace: "/workspace",
  home: "/home/agent",
  spool: "/spool",
  mirror: "/mirrors/one",
} as const;

export interface Place extends AsyncDisposable {
  /** The host's folder of a mount. */
  path(folder: (typeof FOLDERS)[number]): string;
  spec(changes?: { limits?: Partial<SandboxLimits>; env?: Record<string, string> }): SandboxSpec;
}

/** The host's side of a sandbox, as the run engine prepares it, without the sandbox. */
export const openPlace = async (image: string, instanceId = newInstanceId()): Promise<Place> => {
  const folder = await temporaryFolder();
  // The mirror is the server's own and only read by the sandbox's user, who is another one.
  for (const name of FOLDERS) await mkdir(folder.join(name), { mode: name === "mirror" ? 0o755 : 0o700 });
  return {
    path: (name) => folder.join(name),
    spec: ({ limits = {}, env = {} } = {}) =>
      SandboxSpec.parse({
        instanceId,
        image,
        env: { ...EXECUTOR_ENVIRONMENT, ...env },
        mounts: FOLDERS.map((name) => ({ source: folder.join(name), target: TARGETS[name], readOnly: name === "mirror" })),
        limits: { ...LIMITS, ...limits },
        deadline: new Date(Date.now() + 600_000).toISOString(),
      }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

/** What the suite looks at. */
const SeenHealth = ExecutorHealth.pick({ startedAt: true, claudeCodeVersion: true, lastSeq: true });
type SeenHealth = z.infer<typeof SeenHealth>;

export interface Sandbox extends AsyncDisposable {
  driver: SandboxDriver;
  handle: SandboxHandle;
  place: Place;
  health(): Promise<SeenHealth>;
  /** Runs a command in the sandbox, by the executor's own way. */
  check(command: string, timeoutMs?: number): Promise<CheckResult>;
  /** What a command printed; throws when it fails. */
  output(command: string): Promise<string>;
  /** What a module printed that the pinned Node ran in the sandbox; throws when it fails. */
  node(source: string): Promise<string>;
}

/** A sandbox whose executor answers. Disposing destroys it. */
export const openSandbox = async (
  under: DriverUnderTest,
  changes?: { limits?: Partial<SandboxLimits>; env?: Record<string, string> },
): Promise<Sandbox> => {
  await using cleanUp = new AsyncDisposableStack();
  const driver = under.open();
  const place = cleanUp.use(await openPlace(under.image));
  const spec = place.spec(changes);
  const handle = await driver.create(spec, never());
  cleanUp.defer(() => driver.destroy(handle));
  const sandbox = talkTo({ driver, handle, place });
  await waitUntilHealthy(sandbox);
  const owned = cleanUp.move();
  return { ...sandbox, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

/** The sandbox behind a handle, without owning it. */
export const talkTo = (parts: Pick<Sandbox, "driver" | "handle" | "place">): Omit<Sandbox, typeof Symbol.asyncDispose> => {
  const socketPath = socketOf(parts.handle);
  const check = async (command: string, timeoutMs = 60_000) => {
    const { method, path } = executorRoutes.check;
    return CheckResult.parse(JSON.parse(await call(socketPath, { method, path, body: { command, timeoutMs } })));
  };
  const output = async (command: string) => {
    const result = await check(command);
    if (!result.passed) throw new Error(`${command}\n${JSON.stringify(result.outcome)}\n${result.output}`);
    return result.output;
  };
  return {
    ...parts,
    health: async () => SeenHealth.parse(JSON.parse(await call(socketPath, executorRoutes.health))),
    check,
    output,
    node: (source) =>
      output(
        `echo ${Buffer.from(source).toString("base64")} | base64 -d | /opt/ccr/node_modules/.bin/node --input-type=module -`,
      ),
  };
};

export const waitUntilHealthy = async (sandbox: Pick<Sandbox, "driver" | "handle" | "health">): Promise<void> => {
  await waitFor(() => sandbox.health(), { what: "the executor to answer", timeoutMs: 20_000 }).catch(async (error: unknown) => {
    const log = await sandbox.driver.logs(sandbox.handle, never());
    const state = JSON.stringify(await sandbox.driver.inspect(sandbox.handle));
    throw new Error(`${String(error)}\nIts state: ${state}\nIts log: ${log}`);
  });
};

export const socketOf = ({ endpoint }: SandboxHandle): string => {
  if ("socketPath" in endpoint) return endpoint.socketPath;
  throw new Error("the handle has no socket");
};

export const call = async (
  socketPath: string,
  { method, path, body }: { method: string; path: string; body?: unknown },
): Promise<string> => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: { "content-type": "application/json" } }, resolve);
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(`${method} ${path} answered ${response.statusCode}: ${answer}`);
  return answer;
};

/** A command that starts processes until it may not start more, prints how many those were, and ends them. */
export const COUNT_FORKS = `python3 -c '
import os, signal
children = []
try:
    for _ in range(1000):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError:
    pass
print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
'`;

/** The ids of all processes on the host that have `marker` in their command line. */
export const hostProcesses = async (marker: string): Promise<string[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => ((await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes(marker) ? [pid] : [])),
  );
  return found.flat();
};
