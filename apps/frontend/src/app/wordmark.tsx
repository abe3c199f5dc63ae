/** The product's mark and name. */
export const Wordmark = () => (
  <span className="flex items-center gap-2.5 font-semibold tracking-tight">
    <svg viewBox="0 0 32 32" className="size-6 shrink-0" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="fill-accent" />
      <path
        d="M9 10.5 14.5 16 9 21.5"
        fill="none"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
        className="stroke-on-accent"
      />
      <path d="M17 21.5h6.5" strokeWidth="3" strokeLinecap="round" className="stroke-on-accent opacity-70" />
    </svg>
    <span className="whitespace-nowrap">claude-code-runner</span>
  </span>
);
