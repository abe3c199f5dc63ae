import { useEffect, useRef } from "react";

/** What is written in a sandbox is seen within so long. */
const LOOK_EVERY_MS = 4000;

/** Looks again and again while `isOn` and somebody sees the page. */
export const useFollowing = (isOn: boolean, look: () => void): void => {
  const now = useRef(look);
  now.current = look;
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => {
      if (!document.hidden) now.current();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [isOn]);
};
