import { useSyncExternalStore } from "react";

/** What a person may choose of how the page looks, each with the usual choice first. They stand on the document itself, which `theme.js` prepares. */
export const APPEARANCE = {
  theme: ["system", "light", "dark"],
  density: ["comfortable", "compact"],
  clock: ["browser", "24", "12"],
  zone: ["local", "utc"],
} as const;
export type AppearanceName = keyof typeof APPEARANCE;
export type AppearanceChoice<Name extends AppearanceName> = (typeof APPEARANCE)[Name][number];

const root = (): HTMLElement => document.documentElement;

/** What is chosen now; the usual choice where nothing, or nothing that is known, was. */
export const appearance = <Name extends AppearanceName>(name: Name): AppearanceChoice<Name> => {
  const choices: readonly AppearanceChoice<Name>[] = APPEARANCE[name];
  const [usual] = choices;
  const chosen = typeof document === "undefined" ? undefined : root().dataset[name];
  const found = choices.find((choice) => choice === chosen) ?? usual;
  if (found === undefined) throw new Error(`there is no choice of ${name}`);
  return found;
};

/** Chooses, for this browser, from now on. */
export const chooseAppearance = <Name extends AppearanceName>(name: Name, choice: AppearanceChoice<Name>): void => {
  const isUsual = choice === APPEARANCE[name][0];
  if (isUsual) delete root().dataset[name];
  else root().dataset[name] = choice;
  try {
    if (isUsual) localStorage.removeItem(`ccr.${name}`);
    else localStorage.setItem(`ccr.${name}`, choice);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
};

const subscribe = (changed: () => void): (() => void) => {
  const observer = new MutationObserver(changed);
  const attributeFilter = Object.keys(APPEARANCE).map((name) => `data-${name}`);
  observer.observe(root(), { attributes: true, attributeFilter });
  return () => observer.disconnect();
};

/** What is chosen, live. */
export const useAppearance = <Name extends AppearanceName>(name: Name): AppearanceChoice<Name> =>
  useSyncExternalStore(subscribe, () => appearance(name));

/** How times of day are written, as the person chose. */
export const timeStyle = (): Pick<Intl.DateTimeFormatOptions, "hour12" | "timeZone"> => {
  const clock = appearance("clock");
  return {
    ...(clock === "browser" ? {} : { hour12: clock === "12" }),
    ...(appearance("zone") === "utc" ? { timeZone: "UTC" } : {}),
  };
};
