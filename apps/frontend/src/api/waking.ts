/** Out of sight for longer than this, a connection may have died without a word. */
const ASLEEP_MS = 30_000;
const LOOK_EVERY_MS = 5000;

/**
 * Calls back when nothing that is open can be trusted any more: the tab or the machine slept, or the network is another one. Gives the way to
 * stop that. A machine that slept tells nothing: a timer that is far too late does, where no browser slows it down.
 */
export const onWake = (wake: () => void): (() => void) => {
  let hiddenAt: number | null = null;
  let lookedAt = Date.now();
  const look = (): void => {
    const before = lookedAt;
    lookedAt = Date.now();
    if (!document.hidden && lookedAt - before > ASLEEP_MS) wake();
  };
  const onVisibility = (): void => {
    lookedAt = Date.now();
    if (document.hidden) {
      hiddenAt = lookedAt;
      return;
    }
    if (hiddenAt !== null && lookedAt - hiddenAt > ASLEEP_MS) wake();
    hiddenAt = null;
  };
  const onPageShow = (event: PageTransitionEvent): void => {
    if (event.persisted) wake();
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  addEventListener("online", wake);
  addEventListener("pageshow", onPageShow);
  document.addEventListener("visibilitychange", onVisibility);
  // A tab that the browser had put to sleep.
  document.addEventListener("resume", wake);
  return () => {
    clearInterval(timer);
    removeEventListener("online", wake);
    removeEventListener("pageshow", onPageShow);
    document.removeEventListener("visibilitychange", onVisibility);
    document.removeEventListener("resume", wake);
  };
};
