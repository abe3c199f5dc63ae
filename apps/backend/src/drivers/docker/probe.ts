import type Docker from "dockerode";
import { z } from "zod";
import type { Probe } from "../types.ts";
import { describeEngineError, engineAt, engineSocket, isPassing } from "./engine.ts";

// An engine that is well answers in milliseconds; one that does not within this is stuck.
const ANSWER_WITHIN_MS = 5_000;

// Docker 20.10, the first with everything that a sandbox is asked for.
const MIN_API_VERSION = [1, 41] as const;

const EngineInfo = z.object({
  ServerVersion: z.string().default("?"),
  OSType: z.string().default("linux"),
  OperatingSystem: z.string().default(""),
  CgroupVersion: z.string().default("1"),
  MemoryLimit: z.boolean().default(true),
  PidsLimit: z.boolean().default(true),
  CpuCfsQuota: z.boolean().default(true),
  SecurityOptions: z.array(z.string()).nullish(),
});
export type EngineInfo = z.infer<typeof EngineInfo>;

/** Whether an engine that describes itself like this can make our sandboxes. Pure. */
export const judgeEngine = (info: EngineInfo, engine: { apiVersion: string; platform: NodeJS.Platform }): Probe => {
  const [major = 0, minor = 0] = engine.apiVersion.split(".").map(Number);
  if (major < MIN_API_VERSION[0] || (major === MIN_API_VERSION[0] && minor < MIN_API_VERSION[1])) {
    return { usable: false, why: `Docker Engine ${info.ServerVersion} is too old: 20.10 or newer is needed.` };
  }
  if (info.OSType !== "linux")
    return { usable: false, why: `The Docker Engine runs ${info.OSType} containers; Linux ones are needed.` };
  if (engine.platform !== "linux" || /docker desktop/i.test(info.OperatingSystem)) {
    return {
      usable: false,
      why: "This Docker Engine runs its containers in a virtual machine (Docker Desktop and the like), through which the unix sockets of a sandbox cannot be shared. Run the server on Linux with Docker Engine, inside the virtual machine if need be.",
    };
  }
  if ((info.SecurityOptions ?? []).some((option) => option.includes("name=rootless"))) {
    return {
      usable: false,
      why: "This Docker Engine is rootless: it gives the files of a sandbox to other user numbers than this server has. Use the bubblewrap driver (CCR_DRIVER=bubblewrap), or an engine that runs as root.",
    };
  }
  const unlimited = [
    ...(info.MemoryLimit ? [] : ["memory"]),
    ...(info.PidsLimit ? [] : ["processes"]),
    ...(info.CpuCfsQuota ? [] : ["cpu"]),
  ];
  const warning = unlimited.length === 0 ? "" : `; this kernel does not enforce limits on ${unlimited.join(", ")}`;
  return { usable: true, details: `Docker Engine ${info.ServerVersion}, cgroup v${info.CgroupVersion}${warning}` };
};

/** Asks the engine who it is. Never throws; gives up after five seconds. */
export const probeEngine = async (engine: string | undefined, signal: AbortSignal): Promise<Probe> => {
  const socket = engineSocket(engine);
  if ("problem" in socket) return { usable: false, why: socket.problem };
  try {
    return await engineAt(socket.socketPath)(judgeByAnswers, { withinMs: ANSWER_WITHIN_MS, signal });
  } catch (error) {
    if (signal.aborted) return { usable: false, why: "Looking for the Docker Engine was stopped." };
    const why = describeEngineError(error, socket.socketPath);
    return isPassing(error) ? { usable: false, why, passing: true } : { usable: false, why };
  }
};

const judgeByAnswers = async (docker: Docker): Promise<Probe> => {
  const version = await docker.version();
  const info = EngineInfo.parse(await docker.info());
  return judgeEngine(info, { apiVersion: version.ApiVersion, platform: process.platform });
};
