import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";

/** A button that copies what it stands in, shown when that is pointed at or holds the focus. What it stands in has the class `group/copy`. */
export const CopyCorner = ({ text, label, className }: { text: () => string; label: string; className?: string }) => (
  <span
    className={classes(
      // Without a pointer nothing is pointed at.
      "rounded-md transition-opacity [@media(hover:hover)]:opacity-0",
      "[@media(hover:hover)]:group-focus-within/copy:opacity-100 [@media(hover:hover)]:group-hover/copy:opacity-100",
      className ?? "absolute top-1 right-1 bg-sunken",
    )}
  >
    <CopyButton text={text} label={label} />
  </span>
);
