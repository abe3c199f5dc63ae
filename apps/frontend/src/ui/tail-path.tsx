import { classes } from "./classes.ts";

/** A path or address on one line. Its end tells it from others: where there is too little room, its beginning is cut. */
export const TailPath = ({ text, className }: { text: string; className?: string }) => (
  <span dir="rtl" className={classes("block min-w-0 truncate text-left", className)}>
    <bdi>{text}</bdi>
  </span>
);
