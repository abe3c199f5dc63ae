import { Braces, Copy, Link2 } from "lucide-react";
import { IconButton } from "../../ui/button.tsx";
import { copyText } from "../../ui/copy-button.tsx";
import { useToasts } from "../../ui/toast.tsx";
import type { Entry } from "../entries/entry.ts";
import { copyOf } from "../entries/texts.ts";

/** What can be done with the entry that one points at or is in. */
export const RowActions = ({ entry, onRaw }: { entry: Entry; onRaw: (entry: Entry) => void }) => {
  const toasts = useToasts();
  const copy = (text: string, what: string): void => {
    copyText(text).then(() => toasts.ok(what), toasts.error);
  };
  return (
    <div
      role="toolbar"
      aria-label="This entry"
      className="absolute -top-3.5 right-9 z-10 flex rounded-md border border-line bg-surface shadow-card"
    >
      <IconButton
        label="Copy a link to this entry"
        onClick={() => copy(new URL(`#m${entry.seq}`, location.href).href, "The link is copied.")}
      >
        <Link2 aria-hidden className="size-3.5" />
      </IconButton>
      <IconButton label="Copy the text of this entry" onClick={() => copy(copyOf(entry), "The text is copied.")}>
        <Copy aria-hidden className="size-3.5" />
      </IconButton>
      <IconButton label="Show the messages of this entry" onClick={() => onRaw(entry)}>
        <Braces aria-hidden className="size-3.5" />
      </IconButton>
    </div>
  );
};
