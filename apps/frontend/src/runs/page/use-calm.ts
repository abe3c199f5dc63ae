import { useEffect, useRef, useState } from "react";

/** What changes faster than this cannot be read. */
const READABLE_MS = 600;

/** The value, which is not another one again before it could be read. */
export const useCalm = <T>(value: T): T => {
  const [shown, setShown] = useState(value);
  const changedAt = useRef(0);
  useEffect(() => {
    if (shown === value) return;
    const show = (): void => {
      changedAt.current = performance.now();
      setShown(() => value);
    };
    const wait = changedAt.current + READABLE_MS - performance.now();
    if (wait <= 0) {
      show();
      return;
    }
    const timer = setTimeout(show, wait);
    return () => clearTimeout(timer);
  }, [value, shown]);
  return shown;
};
