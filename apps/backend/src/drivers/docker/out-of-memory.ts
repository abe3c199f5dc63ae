import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { z } from "zod";
import type { AskEngine } from "./engine.ts";

const Event = z.object({ Action: z.literal("oom") });

/**
 * How many processes of a container the kernel has killed for lack of memory since it was started, as far as its engine still knows: that
 * keeps its last 256 events of any kind, and none when it is restarted. Never throws.
 */
export const countOutOfMemoryKills = async (
  ask: AskEngine,
  { Id, State }: Pick<Docker.ContainerInspectInfo, "Id" | "State">,
  withinMs: number,
): Promise<number> => {
  const asked = {
    since: Date.parse(State.StartedAt) / 1000,
    // Without an end the engine would go on to tell what happens.
    until: Date.now() / 1000,
    filters: { event: ["oom"], container: [Id] },
  };
  // Without its events the state of the container is as good as before, and that knows of memory too, once it has ended.
  const events = await ask(async (docker) => text(await docker.getEvents(asked)), { withinMs }).catch(() => "");
  const counted = events.split("\n").filter((line) => Event.safeParse(parseJson(line)).success).length;
  return Math.max(counted, State.OOMKilled ? 1 : 0);
};

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
};
