import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton } from "./button.tsx";
import { useToasts } from "./toast.tsx";

/** Copies by the old way, which also works on plain http under a name that is not localhost. */
const copyBySelection = (text: string): boolean => {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
};

/** Puts a text on the clipboard; throws when the browser does not let it. */
export const copyText = async (text: string): Promise<void> => {
  if (window.isSecureContext) await navigator.clipboard.writeText(text);
  else if (!copyBySelection(text))
    throw new Error("The browser does not let this page copy. Select the text and copy it yourself.");
};

const COPIED_MS = 1500;

/** Copies what `text` gives, and tells for a moment that it did. */
const useCopying = (text: () => string): { copied: boolean; copy: () => void } => {
  const toasts = useToasts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return { copied, copy: () => void copyText(text()).then(() => setCopied(true), toasts.error) };
};

const icon = (copied: boolean) =>
  copied ? <Check aria-hidden className="size-3.5 text-ok" /> : <Copy aria-hidden className="size-3.5" />;

/** Copies what `text` gives, and shows for a moment that it did. */
export const CopyButton = ({ text, label = "Copy", className }: { text: () => string; label?: string; className?: string }) => {
  const { copied, copy } = useCopying(text);
  return (
    <IconButton label={copied ? "Copied" : label} {...(className === undefined ? {} : { className })} onClick={copy}>
      {icon(copied)}
    </IconButton>
  );
};

/** The same with its name on it. */
export const CopyTextButton = ({ text, label }: { text: () => string; label: string }) => {
  const { copied, copy } = useCopying(text);
  return (
    <Button onClick={copy}>
      {icon(copied)} {copied ? "Copied" : label}
    </Button>
  );
};
