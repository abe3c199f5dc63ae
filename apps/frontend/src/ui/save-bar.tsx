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
  // It stays in view while a form that is longer than the window is filled in.
  <div className="sticky bottom-0 z-10 -mx-1 flex flex-col gap-1 bg-page px-1">
    {error !== null && (
      <Notice tone="bad" icon={TriangleAlert}>
        <p role="alert">Not saved. {describeError(error)} What you have typed is kept.</p>
      </Notice>
    )}
    <div className="flex flex-wrap items-center gap-2 py-3">
      <Button type="submit" tone="primary" busy={busy} disabled={disabled}>
        {label}
      </Button>
      {changed && (
        <>
          <Button tone="ghost" onClick={onDiscard}>
            Discard changes
          </Button>
          <span className="hidden text-xs text-ink-faint sm:inline">Kept in this tab until you save.</span>
        </>
      )}
    </div>
  </div>
);
