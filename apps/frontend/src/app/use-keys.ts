import { useNavigate } from "@tanstack/react-router";
import { useLayoutEffect } from "react";
import { actionOf, type KeyAction } from "./keys.ts";
import { isList } from "./places.ts";

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
    (target instanceof HTMLInputElement && !/^(checkbox|radio|button|submit)$/.test(target.type)));

/** The links of the lists on the page, one a row. */
const rows = (): HTMLElement[] =>
  [...document.querySelectorAll<HTMLElement>("main li")].flatMap((row) => {
    if (row.closest("nav, [role=log], [role=dialog]") !== null || row.parentElement?.closest("li") !== null) return [];
    const link = row.querySelector<HTMLElement>("a[href], summary");
    return link === null || link.offsetParent === null ? [] : [link];
  });

/** Brings the keyboard to the row after, or before, the one that it is in. */
const moveBy = (by: 1 | -1): boolean => {
  const all = rows();
  const at = all.findIndex((link) => link === document.activeElement || link.closest("li")?.contains(document.activeElement));
  const next = at === -1 ? (by === 1 ? all[0] : all.at(-1)) : all[at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return next !== undefined;
};

/** Brings the keyboard to the page's own search, if it has one. */
const toSearch = (): boolean => {
  const field = document.querySelector<HTMLInputElement>("main input[type=search]");
  field?.focus();
  field?.select();
  return field !== null;
};

/** Listens to the keys that work everywhere and in lists. */
export const useKeys = ({ openPalette, openHelp }: { openPalette: () => void; openHelp: () => void }): void => {
  const navigate = useNavigate();
  // Before anything is seen, so that no key is lost.
  useLayoutEffect(() => {
    let prefixAt: number | null = null;
    /** Whether it did something. */
    const act = (action: KeyAction): boolean => {
      switch (action.kind) {
        case "prefix":
          return false;
        case "go":
          void navigate({ to: action.to });
          return true;
        case "palette":
          openPalette();
          return true;
        case "help":
          openHelp();
          return true;
        case "search":
          if (!toSearch()) openPalette();
          return true;
        case "row":
          return isList(location.pathname) && moveBy(action.by);
      }
    };
    const onKey = (event: KeyboardEvent): void => {
      // What is open has the keyboard for itself.
      if (event.defaultPrevented || document.querySelector("[role=dialog], [role=alertdialog]") !== null) return;
      const action = actionOf({
        key: event.key,
        isCommand: event.metaKey || event.ctrlKey,
        isAlt: event.altKey,
        isTyping: isTyping(event.target),
        prefixAt,
        at: event.timeStamp,
      });
      prefixAt = action?.kind === "prefix" ? event.timeStamp : null;
      if (action !== null && act(action)) event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [navigate, openPalette, openHelp]);
};
