import { useEffect, useState } from "react";

/** By then the page is there. */
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
