import { CcrError, type Door, type RunId } from "@ccr/protocol";
import type { Doors } from "../../gateway/types.ts";
import type { Host } from "./engine.ts";
import type { World } from "./world.ts";

/** As long as this a gateway that is away is waited for. */
const GIVES_UP_AFTER_MS = 15_000;
const LOOK_EVERY_MS = 250;

const isAway = (error: unknown): boolean => error instanceof CcrError && error.code === "unavailable";

/** What one process of a server sees of its gateway. */
export const doorsOf = (world: World, { process, server, clock }: Host): Doors => {
  const gateway = world.gatewayOf(server);
  /** The doors that are to be open, with what ends those who follow their audits. */
  const wanted = new Map<RunId, { door: Door; followers: Set<() => void> }>();
  gateway.keptBy({ process, wanted });
  const whileUp = async <Result>(op: string, act: () => Result): Promise<Result> => {
    const giveUpAt = clock.elapsedMs() + GIVES_UP_AFTER_MS;
    for (;;) {
      try {
        return await process.call(op, act);
      } catch (error) {
        if (!isAway(error) || clock.elapsedMs() >= giveUpAt) throw error;
        await clock.wait(LOOK_EVERY_MS, new AbortController().signal);
      }
    }
  };
  const close = async (runId: RunId): Promise<void> => {
    const entry = wanted.get(runId);
    wanted.delete(runId);
    try {
      await whileUp("doors.close", () => gateway.close(runId));
    } finally {
      for (const end of [...(entry?.followers ?? [])]) end();
    }
  };
  return {
    open: async (door) => {
      wanted.set(door.runId, { door, followers: wanted.get(door.runId)?.followers ?? new Set() });
      // As it was asked for last; one that is to be closed by now is not opened.
      await whileUp("doors.open", () => {
        const entry = wanted.get(door.runId);
        if (entry === undefined) throw new CcrError("conflict", "The door was closed meanwhile.");
        gateway.open(entry.door);
      });
    },
    close,
    list: () =>
      process.call("doors.list", () => {
        gateway.assertThere();
        return [...new Set([...gateway.doors.keys(), ...wanted.keys()])];
      }),
    followAudit: (runId, { after }, signal) =>
      process.stream(
        "doors.followAudit",
        (inlet) => {
          const entry = wanted.get(runId);
          if (entry === undefined) {
            inlet.end();
            return () => {};
          }
          const audit = world.auditOf(entry.door.auditPath);
          let given = after;
          const tell = (): void => {
            for (const record of audit.records.slice(given)) inlet.push(record);
            given = audit.records.length;
          };
          const leave = (): void => {
            audit.followers.delete(tell);
            entry.followers.delete(end);
          };
          const end = (): void => {
            tell();
            inlet.end();
            leave();
          };
          audit.followers.add(tell);
          entry.followers.add(end);
          tell();
          return leave;
        },
        { signal },
      ),
  };
};
