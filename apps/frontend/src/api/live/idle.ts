/** Lets the browser draw and answer first. A timer would be slowed down in a tab that is out of sight. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** So long one slice of work in the background may take: half of a frame. */
const SLICE_MS = 7;

/** Does one thing after the other, and lets the browser draw in between; ends early when `signal` is aborted. */
export const inSlices = async <T>(items: Iterable<T>, work: (item: T) => void, signal: AbortSignal): Promise<void> => {
  let begunAt = performance.now();
  for (const item of items) {
    if (signal.aborted) return;
    work(item);
    if (performance.now() - begunAt < SLICE_MS) continue;
    await breathe();
    begunAt = performance.now();
  }
};
