import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** From this width on there is room for two columns. */
const ROOM_PX = 640;

/** Whether an element has room for columns side by side. */
export const useRoom = (): [RefObject<HTMLDivElement | null>, boolean] => {
  const element = useRef<HTMLDivElement>(null);
  const [hasRoom, setHasRoom] = useState(false);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return;
    const look = (): void => setHasRoom(current.clientWidth >= ROOM_PX);
    look();
    const observer = new ResizeObserver(look);
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [element, hasRoom];
};
