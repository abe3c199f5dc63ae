import type { Page } from "playwright-core";

export type Frames = { seconds: number; count: number; perSecond: number; longestMs: number; longestTaskMs: number };

/** Counts the frames of a page while something is done in it. */
export const watchFrames = async (page: Page, work: () => Promise<void>): Promise<Frames> => {
  const watch = await page.evaluateHandle(() => {
    const state: { times: number[]; tasks: number[]; going: boolean } = { times: [], tasks: [], going: true };
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) state.tasks.push(duration);
    });
    observer.observe({ entryTypes: ["longtask"] });
    const frame = (time: number): void => {
      state.times.push(time);
      if (state.going) requestAnimationFrame(frame);
      else observer.disconnect();
    };
    requestAnimationFrame(frame);
    return state;
  });
  await work();
  const { times, tasks } = await watch.evaluate((state) => {
    state.going = false;
    return { times: state.times, tasks: state.tasks };
  });
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  return {
    seconds: Number(seconds.toFixed(1)),
    count: gaps.length,
    perSecond: Number((gaps.length / seconds).toFixed(1)),
    longestMs: Math.round(Math.max(...gaps)),
    longestTaskMs: Math.round(Math.max(0, ...tasks)),
  };
};

/** The page's JS heap in MB, after everything that is not needed any more was collected. */
export const heapMb = async (page: Page): Promise<number> => {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return Number((usedSize / 1024 / 1024).toFixed(1));
};

/** Scrolls as with a wheel that is turned all the time: `pxPerSecond` upwards, or downwards when negative. */
export const scroll = async (page: Page, options: { pxPerSecond: number; seconds: number }): Promise<void> => {
  const box = await page.getByRole("log").boundingBox();
  if (box === null) throw new Error("there is no transcript to scroll");
  const session = await page.context().newCDPSession(page);
  await session.send("Input.synthesizeScrollGesture", {
    x: box.x + box.width / 2,
    y: box.y + box.height / 2,
    yDistance: options.pxPerSecond * options.seconds,
    speed: Math.abs(options.pxPerSecond),
    gestureSourceType: "mouse",
    preventFling: true,
  });
  await session.detach();
};
