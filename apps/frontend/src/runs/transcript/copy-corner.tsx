import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";

/** A button that copies what it stands in, shown when that is pointed at or holds the focus. What it stands in has the class `group/copy`. */
export const CopyCorner = ({ text, label, className }: { text: () => string; label: string; className?: string }) => (
  <span
    className={classes(
      "rounded-md opacity-0 transition-opacity group-focus-within/copy:opacity-100 group-hover/copy:opacity-100",
      // Without a pointer nothing is pointed at.
      "[@media(hover:none)]:opacity-100",
      className ?? "absolute top-1 right-1 bg-sunken",
    )}
  >
    <CopyButton text={text} label={label} />
  </span>
);
