import type { ComponentProps } from "react";
import { downloadFrom } from "./download.ts";
import { useToasts } from "./toast.tsx";

/** A link to a file of this server that the browser saves. What the server says when there is none is told, and the page stays. */
export const DownloadLink = ({ href, onClick, ...props }: ComponentProps<"a"> & { href: string }) => {
  const toasts = useToasts();
  return (
    <a
      {...props}
      href={href}
      download
      onClick={(event) => {
        onClick?.(event);
        // Whoever opens it elsewhere reads there what comes of it.
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        downloadFrom(href).catch(toasts.error);
      }}
    />
  );
};
