import type { ITheme } from "@xterm/xterm";

/** The sixteen colours of a terminal, for a light and for a dark ground; the rest of its look comes from the page's own styles. */
const LIGHT: ITheme = {
  black: "#24262e",
  red: "#b3261e",
  green: "#1c6b3a",
  yellow: "#7d5300",
  blue: "#2950c8",
  magenta: "#8b2fa8",
  cyan: "#0b6575",
  white: "#5f6470",
  brightBlack: "#4d525e",
  brightRed: "#c62b22",
  brightGreen: "#217a44",
  brightYellow: "#8f6000",
  brightBlue: "#345ee0",
  brightMagenta: "#a03cc0",
  brightCyan: "#0d7486",
  brightWhite: "#24262e",
};
const DARK: ITheme = {
  black: "#3a3f4b",
  red: "#ff8f86",
  green: "#7fd79b",
  yellow: "#f0c674",
  blue: "#93b0ff",
  magenta: "#dfa2f0",
  cyan: "#79d3e2",
  white: "#d5d9e2",
  brightBlack: "#8d94a3",
  brightRed: "#ffb0a9",
  brightGreen: "#a3e8b8",
  brightYellow: "#ffdc9a",
  brightBlue: "#b7caff",
  brightMagenta: "#edc3f8",
  brightCyan: "#a5e6f1",
  brightWhite: "#ffffff",
};

const isDark = (host: HTMLElement): boolean => {
  const { theme } = document.documentElement.dataset;
  if (theme === "light" || theme === "dark") return theme === "dark";
  return host.ownerDocument.defaultView?.matchMedia("(prefers-color-scheme: dark)").matches === true;
};

/** The terminal's colours as the page looks now. */
export const themeFor = (host: HTMLElement): ITheme => {
  const dark = isDark(host);
  const { color, backgroundColor } = getComputedStyle(host);
  return {
    ...(dark ? DARK : LIGHT),
    foreground: color,
    background: backgroundColor,
    cursor: color,
    cursorAccent: backgroundColor,
    selectionBackground: dark ? "#3d4f86" : "#c3d0fb",
  };
};

/** Calls back whenever the page's colours change. */
export const watchTheme = (changed: () => void): (() => void) => {
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", changed);
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return () => {
    query.removeEventListener("change", changed);
    observer.disconnect();
  };
};
