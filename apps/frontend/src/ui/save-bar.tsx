import { TriangleAlert } from "lucide-react";
import { describeError } from "../api/errors.ts";
import { Button } from "./button.tsx";
import { Notice } from "./feedback.tsx";

/** What ends a form: saves it, discards what was typed, and says why it was not saved. */
export const SaveBar = ({
  busy,
  disabled = false,
  label,
  changed,
  onDiscard,
  error,
}: {
  busy: boolean;
  disabled?: boolean;
  label: string;
  changed: boolean;
  onDiscard: () => void;
  error: unknown;
}) => (
  <div className="flex flex-col gap-3">
    {error !== null && (
      <Notice tone="bad" icon={TriangleAlert}>
        <p role="alert">Not saved. {describeError(error)} What you have typed is kept.</p>
      </Notice>
    )}
    <div className="sticky bottom-0 -mx-1 flex items-center gap-2 bg-page px-1 py-3">
      <Button type="submit" tone="primary" busy={busy} disabled={disabled}>
        {label}
      </Button>
      {changed && (
        <>
          <Button tone="ghost" onClick={onDiscard}>
            Discard changes
          </Button>
          <span className="text-xs text-ink-faint">Kept in this tab until you save.</span>
        </>
      )}
    </div>
  </div>
);
