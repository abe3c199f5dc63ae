import { useEffect, useState } from "react";

/** By then the page is there, and what may be wanted later can be fetched beforehand. */
const SETTLED_MS = 3000;
const BEGINNINGS = ["keydown", "pointerdown"] as const;

/** Whether the page has come to rest, or somebody has begun to do something in it: time to fetch what few want, so that it is there before it is wanted. */
export const useSettled = (): boolean => {
  const [isSettled, setSettled] = useState(false);
  useEffect(() => {
    const settle = (): void => setSettled(true);
    const timer = setTimeout(settle, SETTLED_MS);
    for (const name of BEGINNINGS) addEventListener(name, settle, { once: true });
    return () => {
      clearTimeout(timer);
      for (const name of BEGINNINGS) removeEventListener(name, settle);
    };
  }, []);
  return isSettled;
};

/** Calls `load` once the page is there: time to fetch beforehand what may be wanted later. It is to be the same function at each drawing. */
export const useBeforehand = (load: () => void): void => {
  useEffect(() => {
    const timer = setTimeout(load, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [load]);
};
