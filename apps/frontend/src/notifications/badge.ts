import { useEffect } from "react";
import type { Badge } from "./news.ts";

const PREFIX = /^\(\d+\) /;

/** Shows the badge on the browser's tab: before the title, whatever page sets it, and in the icon. */
export const useBadge = ({ prefix, icon }: Badge): void => {
  useEffect(() => {
    const apply = (): void => {
      const wanted = prefix + document.title.replace(PREFIX, "");
      if (document.title !== wanted) document.title = wanted;
    };
    const observer = new MutationObserver(apply);
    observer.observe(document.head, { childList: true, subtree: true, characterData: true });
    apply();
    return () => observer.disconnect();
  }, [prefix]);
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (link !== null && !link.href.endsWith(icon)) link.href = icon;
  }, [icon]);
};
