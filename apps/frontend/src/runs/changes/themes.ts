/** The diff viewer has one theme, in the page's own colours, so none of those that the library would bring along (see vite.config.ts). */
export const themes = { getTheme: (): undefined => undefined };
