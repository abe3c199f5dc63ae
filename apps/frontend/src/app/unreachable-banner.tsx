import { CloudOff } from "lucide-react";
import type { Unreachable } from "../api/reachability.ts";

const SENTENCES: Record<Unreachable["what"], string> = {
  server: "The server cannot be reached. This page goes on by itself when it does.",
  stream: "The live connection cannot be made. What is shown may be old; this page goes on by itself.",
};

/** Says on every page that what is shown stands still, and why. */
export const UnreachableBanner = ({ unreachable }: { unreachable: Unreachable | null }) => (
  <div role="status">
    {unreachable !== null && (
      <p className="flex items-center gap-2 border-b border-warn/30 bg-warn-soft px-4 py-2 text-warn sm:px-5">
        <CloudOff aria-hidden className="size-4 shrink-0" />
        {SENTENCES[unreachable.what]}
      </p>
    )}
  </div>
);
