import type { Socket } from "node:net";

/** Carries bytes both ways until either connection is closed, and closes the other one then. */
export const join = (one: Socket, other: Socket): void => {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => {});
    from.on("close", () => to.destroy());
    from.pipe(to);
  }
};
