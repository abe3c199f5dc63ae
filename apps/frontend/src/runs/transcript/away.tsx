import type { ReactNode } from "react";

/** A link to somewhere else, which a person may follow; nothing is loaded from there by itself. `href` is one that `safeHref` gave. */
export const Away = ({ href, children }: { href: string; children: ReactNode }) => (
  <a
    href={href}
    target="_blank"
    rel="noopener noreferrer"
    className="rounded text-accent underline underline-offset-2 [overflow-wrap:anywhere]"
  >
    {children}
  </a>
);
