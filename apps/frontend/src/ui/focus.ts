import { useMemo } from "react";

/** Brings the keyboard to the page's own content when it is nowhere else. */
const focusPage = (): void => {
  if (document.activeElement !== null && document.activeElement !== document.body) return;
  document.getElementById("main")?.focus({ preventScroll: true });
};

/**
 * Watches for the keyboard being lost because what had it was removed, as a row that was deleted or a button that is no longer there, and brings
 * it to the page. A click beside everything, which takes it away on purpose, is left alone. Ends with the result.
 */
export const keepFocus = (): (() => void) => {
  let last: Element | null = null;
  const remember = (event: FocusEvent): void => {
    if (event.target instanceof Element) last = event.target;
  };
  const look = (): void => {
    if (last === null || last.isConnected) return;
    last = null;
    // Whoever removed it may have another place in mind.
    setTimeout(focusPage);
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { childList: true, subtree: true });
  addEventListener("focusin", remember);
  return () => {
    observer.disconnect();
    removeEventListener("focusin", remember);
  };
};

/**
 * For windows that have no trigger of their own: brings the keyboard back to where it was when they were opened. What is gone meanwhile is made good
 * by `keepFocus`.
 */
export const useReturnedFocus = () =>
  useMemo(() => {
    let before: Element | null = null;
    return {
      onOpenAutoFocus: () => {
        before = document.activeElement;
      },
      onCloseAutoFocus: (event: Event) => {
        event.preventDefault();
        if (before instanceof HTMLElement) before.focus({ preventScroll: true });
      },
    };
  }, []);
