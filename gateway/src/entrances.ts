import { type Entrance, type EntranceHandlers, openEntrance } from "./entrance.ts";
import type { Limits } from "./limits.ts";

/** The sockets of a door, listening. */
export type Entrances = {
  /**
   * Listens at these paths, and at no others: opens those that are new, then closes those that are not named, and cuts what goes through them.
   * The others go on, whatever is in their places. Throws as `listenOnSocket` does when a new one cannot be opened, and listens then where it
   * did before. One call after the other.
   */
  listenAt(paths: readonly string[]): Promise<void>;
  /** Puts each socket back in its place. Gives what keeps those that cannot be there now; they keep no other. Never rejects. */
  heal(): Promise<unknown[]>;
};

/** Sockets at which one door listens, none at first. They share its limit of connections. */
export const createEntrances = (limits: Limits, handlers: Omit<EntranceHandlers, "hasRoom">): Entrances => {
  const entrances = new Map<string, Entrance>();

  const hasRoom = (): boolean => {
    let count = 0;
    for (const entrance of entrances.values()) count += entrance.connections();
    return count < limits.connections;
  };

  const close = async (paths: readonly string[]): Promise<void> => {
    await Promise.all(
      paths.map(async (path) => {
        const entrance = entrances.get(path);
        entrances.delete(path);
        await entrance?.close();
      }),
    );
  };

  return {
    listenAt: async (paths) => {
      const added: string[] = [];
      try {
        for (const path of paths) {
          if (entrances.has(path)) continue;
          entrances.set(path, await openEntrance(path, limits, { ...handlers, hasRoom }));
          added.push(path);
        }
      } catch (error) {
        await close(added);
        throw error;
      }
      await close([...entrances.keys()].filter((path) => !paths.includes(path)));
    },
    heal: async () => {
      const healed = await Promise.all(
        [...entrances].map(async ([path, entrance]) => {
          try {
            await entrance.heal();
            return [];
          } catch (error) {
            // One that was closed meanwhile is missed by nobody.
            return entrances.get(path) === entrance ? [error] : [];
          }
        }),
      );
      return healed.flat();
    },
  };
};
