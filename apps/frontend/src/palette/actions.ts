import type { LucideIcon } from "lucide-react";
import { createContext, useContext, useEffect, useSyncExternalStore } from "react";

/** Something that can be done on the page that is shown. `confirm`: it is asked for first. */
export type PageAction = {
  id: string;
  label: string;
  icon?: LucideIcon;
  confirm?: { title: string; text: string; action: string };
  run: () => void;
};

/** What the page that is shown can do, for the palette. */
export interface Actions {
  /** Sets what this part of the page can do; null: nothing any more. */
  set(owner: symbol, actions: readonly PageAction[] | null): void;
  current(): readonly PageAction[];
  subscribe(changed: () => void): () => void;
}

export const createActions = (): Actions => {
  const byOwner = new Map<symbol, readonly PageAction[]>();
  const listeners = new Set<() => void>();
  let all: readonly PageAction[] = [];
  return {
    set(owner, actions) {
      if (actions === null) byOwner.delete(owner);
      else byOwner.set(owner, actions);
      all = [...byOwner.values()].flat();
      for (const changed of listeners) changed();
    },
    current: () => all,
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
};

export const ActionsContext = createContext<Actions>(createActions());

/** Offers these in the palette as long as the part of the page is shown. Give the same list until something in it changes (`useMemo`). */
export const usePageActions = (actions: readonly PageAction[]): void => {
  const offered = useContext(ActionsContext);
  useEffect(() => {
    const owner = Symbol("page");
    offered.set(owner, actions);
    return () => offered.set(owner, null);
  }, [offered, actions]);
};

/** What the page that is shown can do now. */
export const useOfferedActions = (): readonly PageAction[] => {
  const offered = useContext(ActionsContext);
  return useSyncExternalStore(offered.subscribe, offered.current);
};
