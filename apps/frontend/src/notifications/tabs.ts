import { z } from "zod";

/*
 * All tabs of this browser look for news by themselves. What one tells, the others leave out: what was told is written down where all tabs see it,
 * under a lock, so that two that look at the same moment do not both tell it.
 */

const LOOKED_AT = "ccr.looked-at";
const TELLING = "ccr.telling";
const KEY = "ccr.told";
/** More than any tab may still have to hear of. */
const KEPT_MS = 24 * 3600 * 1000;

const Told = z.record(z.string(), z.number());

const readTold = (): z.infer<typeof Told> => {
  try {
    return Told.safeParse(JSON.parse(localStorage.getItem(KEY) ?? "{}")).data ?? {};
  } catch {
    return {};
  }
};

const writeTold = (told: z.infer<typeof Told>): void => {
  try {
    localStorage.setItem(KEY, JSON.stringify(told));
  } catch {
    // Without storage each tab tells for itself.
  }
};

/** Locks are not there on plain http under a name that is not localhost; nor are notifications. */
const locked = async <Result>(work: () => Result): Promise<Result> =>
  navigator.locks === undefined ? work() : navigator.locks.request(TELLING, () => work());

/** Which of these nobody has told yet; from now on they count as told. */
export const claim = (ids: readonly string[]): Promise<string[]> =>
  locked(() => {
    const now = Date.now();
    const told = Object.fromEntries(Object.entries(readTold()).filter(([, at]) => now - at < KEPT_MS));
    const fresh = ids.filter((id) => told[id] === undefined);
    for (const id of fresh) told[id] = now;
    if (fresh.length > 0) writeTold(told);
    return fresh;
  });

/** Forgets what may happen again. */
export const unclaim = (isOver: (id: string) => boolean): Promise<void> =>
  locked(() => {
    const told = readTold();
    const left = Object.entries(told).filter(([id]) => !isOver(id));
    if (left.length < Object.keys(told).length) writeTold(Object.fromEntries(left));
  });

/** Whether a person looks at this very tab. */
export const isLookedAt = (): boolean => document.visibilityState === "visible" && document.hasFocus();

/** Lets the other tabs know, as long as this one is looked at. Ends with the result. */
export const showThatLookedAt = (): (() => void) => {
  let leave: (() => void) | null = null;
  const update = (): void => {
    if (isLookedAt() === (leave !== null)) return;
    if (leave !== null) {
      leave();
      leave = null;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    leave = resolve;
    // Shared: for a moment two tabs may both believe it.
    void navigator.locks?.request(LOOKED_AT, { mode: "shared" }, () => promise);
  };
  const events = ["focus", "blur", "visibilitychange"] as const;
  for (const name of events) addEventListener(name, update, true);
  document.addEventListener("visibilitychange", update);
  update();
  return () => {
    for (const name of events) removeEventListener(name, update, true);
    document.removeEventListener("visibilitychange", update);
    leave?.();
  };
};

/** Whether a person looks at this tab, or at another one of this page, which then tells by itself. */
export const isAnyLookedAt = async (): Promise<boolean> => {
  if (isLookedAt()) return true;
  const held = (await navigator.locks?.query())?.held ?? [];
  return held.some(({ name }) => name === LOOKED_AT);
};
