import { type RefObject, useEffect, useRef, useState } from "react";

/** Whether somebody reads a list, so that it must not move: it was scrolled, or the pointer or the focus is in it. `top` stands right above it. */
export const useHeld = (): {
  held: boolean;
  scrolled: boolean;
  top: RefObject<HTMLDivElement | null>;
  within: { onPointerEnter: () => void; onPointerLeave: () => void; onFocus: () => void; onBlur: () => void };
} => {
  const top = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(false);
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  useEffect(() => {
    const element = top.current;
    if (element === null) return;
    const observer = new IntersectionObserver(([entry]) => setScrolled(entry?.isIntersecting === false));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return {
    held: scrolled || pointed || focused,
    scrolled,
    top,
    within: {
      onPointerEnter: () => setPointed(true),
      onPointerLeave: () => setPointed(false),
      onFocus: () => setFocused(true),
      onBlur: () => setFocused(false),
    },
  };
};
