import { type ComponentType, type FunctionComponent, type ReactNode, use } from "react";

/** A page whose code is fetched when it is first needed, or beforehand with `preload`. */
export type LazyPage = FunctionComponent & { preload(): Promise<void> };

// All who wait for it see the one failure, and whoever tries again later has it fetched again.
const FORGOTTEN_AFTER_MS = 500;

/**
 * Makes a page of what a module exports under this name. When the module cannot be had, as while the server is away or after another version was
 * deployed, that is an error of the page like any other: it is told, and nothing is loaded anew behind the person's back.
 */
export const lazyPage = <Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name): LazyPage => {
  let Loaded: ComponentType | null = null;
  let loading: Promise<void> | null = null;
  let hasFailed = false;
  const forget = (): void => {
    if (hasFailed) loading = null;
    hasFailed = false;
  };
  const fetchPage = (): Promise<void> => {
    loading ??= load().then(
      (module) => {
        Loaded = module[name];
      },
      (error: unknown) => {
        hasFailed = true;
        setTimeout(forget, FORGOTTEN_AFTER_MS);
        throw error;
      },
    );
    return loading;
  };
  const show = (): ReactNode => {
    if (Loaded === null) use(fetchPage());
    return Loaded === null ? null : <Loaded />;
  };
  return Object.assign(show, {
    preload: async () => {
      if (Loaded !== null) return;
      forget();
      await fetchPage();
    },
  });
};
