const SCHEMES: readonly string[] = ["http:", "https:", "mailto:"];

/** The address if a person may be led to it: absolute, and http(s) or mail. Else null. */
export const safeHref = (href: unknown): string | null => {
  if (typeof href !== "string") return null;
  try {
    // Without a base, what is relative is no URL: the agent's relative links mean files of the repository, not pages of this server.
    const url = new URL(href);
    return SCHEMES.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
};
