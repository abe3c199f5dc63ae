import { type FunctionComponent, type ReactNode, use } from "react";

/** A part of the page whose code is fetched when it is first needed, or beforehand with `preload`. */
export type LazyPart<Props> = FunctionComponent<Props> & { preload(): Promise<void> };

// All who wait for it see the one failure, and whoever tries again later has it fetched again.
const FORGOTTEN_AFTER_MS = 500;

/**
 * Makes a part of the page of what is loaded. When it cannot be had, as while the server is away or after another version was deployed, that is an
 * error of the part like any other: it is told, and whoever tries again has it fetched again, which React's own `lazy` never does.
 */
export const lazyPart = <Props extends object = object>(load: () => Promise<FunctionComponent<Props>>): LazyPart<Props> => {
  let Loaded: FunctionComponent<Props> | null = null;
  let loading: Promise<void> | null = null;
  let hasFailed = false;
  const forget = (): void => {
    if (hasFailed) loading = null;
    hasFailed = false;
  };
  const fetchPart = (): Promise<void> => {
    loading ??= load().then(
      (component) => {
        Loaded = component;
      },
      (error: unknown) => {
        hasFailed = true;
        setTimeout(forget, FORGOTTEN_AFTER_MS);
        throw error;
      },
    );
    return loading;
  };
  const show = (props: Props): ReactNode => {
    if (Loaded === null) use(fetchPart());
    return Loaded === null ? null : <Loaded {...props} />;
  };
  return Object.assign(show, {
    preload: async () => {
      if (Loaded !== null) return;
      forget();
      await fetchPart();
    },
  });
};
