/** Who uses which mirror at the moment, in this process: the data folder belongs to it alone. */
export interface MirrorUse {
  /** From now until it is disposed of, the mirror is not removed. Waits for a removal that is going on. */
  enter(path: string): Promise<Disposable>;
  /** Does the work while nobody is, or comes, inside, and gives what it gives; null, and nothing was done, when somebody is. */
  whenIdle<Result>(path: string, work: () => Promise<Result>): Promise<Result | null>;
}

export const createMirrorUse = (): MirrorUse => {
  const users = new Map<string, number>();
  const removals = new Map<string, Promise<unknown>>();
  const leave = (path: string): void => {
    const left = (users.get(path) ?? 1) - 1;
    if (left === 0) users.delete(path);
    else users.set(path, left);
  };
  return {
    enter: async (path) => {
      for (let removal = removals.get(path); removal !== undefined; removal = removals.get(path)) await removal;
      users.set(path, (users.get(path) ?? 0) + 1);
      let inside = true;
      return {
        [Symbol.dispose]: () => {
          if (inside) leave(path);
          inside = false;
        },
      };
    },
    whenIdle: async (path, work) => {
      if (users.has(path) || removals.has(path)) return null;
      const done = Promise.withResolvers<void>();
      removals.set(path, done.promise);
      try {
        return await work();
      } finally {
        removals.delete(path);
        done.resolve();
      }
    },
  };
};
