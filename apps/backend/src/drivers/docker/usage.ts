import type { SandboxHandle, SandboxUsage } from "@ccr/protocol";
import { z } from "zod";
import { diskUsage } from "../disk.ts";
import { requireOwnHandle } from "../handle.ts";
import { measurable, type UsageMeter } from "../types.ts";
import { engineAt, engineSocket, engineStatus } from "./engine.ts";
import { containerName } from "./plan.ts";

/** What of an engine's statistics is read; engines leave out what their kernel does not tell. */
const Stats = z.object({
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: z.number().optional() }).optional() }).optional(),
  memory_stats: z.object({ usage: z.number().optional(), stats: z.record(z.string(), z.number()).nullish() }).optional(),
  pids_stats: z.object({ current: z.number().optional() }).optional(),
});
const HandleData = z.object({ writable: z.array(z.string()) });

// An engine that is well takes milliseconds, and whoever looks at figures does not wait long for them.
const ANSWER_WITHIN_MS = 5_000;
const NANOSECONDS_IN_MS = 1e6;

/** What an engine's statistics say of one container; null: it does not run. Pure. */
export const readStats = (value: unknown): Pick<SandboxUsage, "memoryBytes" | "cpuMs" | "processes"> | null => {
  const { cpu_stats: cpu, memory_stats: memory, pids_stats: pids } = Stats.parse(value);
  if (memory?.usage === undefined && pids?.current === undefined) return null;
  // Under the one version of control groups it is called so, under the other so.
  const spare = memory?.stats?.total_inactive_file ?? memory?.stats?.inactive_file ?? 0;
  const nanoseconds = cpu?.cpu_usage?.total_usage;
  return {
    memoryBytes: memory?.usage === undefined ? null : Math.max(0, Math.round(memory.usage - spare)),
    cpuMs: nanoseconds === undefined ? null : nanoseconds / NANOSECONDS_IN_MS,
    processes: pids?.current ?? null,
  };
};

/** What the engine counts of a sandbox's container. */
export const createDockerUsage = ({
  engine,
  now = () => new Date(),
}: {
  engine?: string | undefined;
  now?: () => Date;
}): UsageMeter => ({
  usage: async (handle: SandboxHandle): Promise<SandboxUsage | null> => {
    requireOwnHandle(handle, "docker");
    const socket = engineSocket(engine);
    if ("problem" in socket) return null;
    const ask = engineAt(socket.socketPath, ANSWER_WITHIN_MS);
    const answer = await ask((docker) =>
      docker.getContainer(containerName(handle.instanceId)).stats({ stream: false, "one-shot": true }),
    ).catch((error: unknown) => {
      if (engineStatus(error) === 404) return null;
      throw error;
    });
    const counted = answer === null ? null : readStats(answer);
    if (counted === null) return null;
    const disk = await diskUsage(HandleData.parse(handle.data).writable);
    return { at: now().toISOString(), ...counted, diskBytes: measurable(disk) };
  },
});
