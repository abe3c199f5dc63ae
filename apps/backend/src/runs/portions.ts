/** At most this many events go into one commit; enough for the full rate, small enough to be seen at once. */
const PORTION_MAX_EVENTS = 256;
/** And at most this many characters, as far as single events allow. */
const PORTION_MAX_CHARACTERS = 8 * 1024 * 1024;

/**
 * Collects what a source gives while the consumer is busy into one portion, in order. Pulls at most one portion ahead, so a slow
 * consumer slows the source down. An error of the source comes after everything it gave before.
 */
export async function* portions<Item>(source: AsyncIterable<Item>, sizeOf: (item: Item) => number): AsyncGenerator<Item[]> {
  let portion: Item[] = [];
  let size = 0;
  const end: { how: { failed: false } | { failed: true; error: unknown } | null } = { how: null };
  let stopped = false;
  let filled = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();

  const pump = async (): Promise<void> => {
    try {
      for await (const item of source) {
        portion.push(item);
        size += sizeOf(item);
        filled.resolve();
        if (portion.length >= PORTION_MAX_EVENTS || size >= PORTION_MAX_CHARACTERS) await taken.promise;
        if (stopped) return;
      }
      end.how = { failed: false };
    } catch (error) {
      end.how = { failed: true, error };
    }
    filled.resolve();
  };
  const pumping = pump();

  try {
    for (;;) {
      await filled.promise;
      filled = Promise.withResolvers<void>();
      const { how } = end;
      const current = portion;
      portion = [];
      size = 0;
      taken.resolve();
      taken = Promise.withResolvers<void>();
      if (how !== null) filled.resolve();
      if (current.length > 0) yield current;
      else if (how !== null) {
        if (how.failed) throw how.error;
        return;
      }
    }
  } finally {
    stopped = true;
    taken.resolve();
    if (end.how !== null) await pumping;
  }
}
