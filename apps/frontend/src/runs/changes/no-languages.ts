/** What the thread that colours code has of its own: it is given languages as they are needed (see vite.config.ts). */
export const bundledLanguages = {};
