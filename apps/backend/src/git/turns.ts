/** Work of one key, one after another; of different keys, at once. */
export interface Turns {
  take<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** Lets work of one key wait for what was asked for before it, however that ended. */
export const createTurns = (): Turns => {
  const last = new Map<string, Promise<unknown>>();
  return {
    take: (key, work) => {
      const result = (last.get(key) ?? Promise.resolve()).then(work);
      const settled = result.catch(() => {}); // its own caller hears of it
      last.set(key, settled);
      void settled.then(() => {
        if (last.get(key) === settled) last.delete(key);
      });
      return result;
    },
  };
};
