import { LoaderCircle } from "lucide-react";
import { Button } from "../../ui/button.tsx";
import { plural } from "../../ui/format.ts";
import type { RunStream } from "../page/use-run-stream.ts";

/** Says that there is more above, and how far the reading of it is. */
export const EarlierLine = ({
  earlier: { read, upTo, problem },
  onRetry,
}: {
  earlier: NonNullable<RunStream["earlier"]>;
  onRetry: () => void;
}) => (
  <p className="flex flex-wrap items-center justify-center gap-2 py-2 text-xs text-ink-faint">
    {problem === null && <LoaderCircle aria-hidden className="size-3 animate-spin" />}
    {problem ?? `Reading ${plural(upTo, "earlier message")}, ${Math.floor((read / upTo) * 100)} %`}
    {problem !== null && (
      <Button size="sm" tone="ghost" onClick={onRetry}>
        Try now
      </Button>
    )}
  </p>
);

/** Says that one is led to a message that is not here yet. */
export const GoingTo = ({ seq, isMissing, runEnded }: { seq: number; isMissing: boolean; runEnded: boolean }) => {
  const name = `message ${seq.toLocaleString("en")}`;
  return (
    <p
      role="status"
      className="absolute top-12 left-1/2 -translate-x-1/2 rounded-full border border-line bg-surface px-3 py-1 text-xs shadow-float"
    >
      {isMissing ? `There is no ${name}${runEnded ? " in this run" : " yet"}` : `Going to ${name}`}
    </p>
  );
};
