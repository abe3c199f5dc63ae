import { classes } from "./classes.ts";

/** A path or address on one line. Its last part tells it from others: where there is too little room, what is before that is cut. */
export const TailPath = ({ text, className }: { text: string; className?: string }) => {
  const at = text.lastIndexOf("/", text.length - 2);
  return (
    <span className={classes("flex min-w-0", className)} title={text}>
      {at > 0 && <span className="truncate">{text.slice(0, at)}</span>}
      <span className="max-w-full shrink-0 truncate">{at > 0 ? text.slice(at) : text}</span>
    </span>
  );
};
