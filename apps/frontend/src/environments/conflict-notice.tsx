import type { Environment } from "@ccr/protocol";
import { TriangleAlert } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/feedback.tsx";
import { Ago } from "../ui/time.tsx";

/** By which the notice is found. */
export const CONFLICT_ID = "environment-conflict";

/** Somebody else saved the environment since its draft was begun: says in what yours differs from theirs, and lets one choose. */
export const ConflictNotice = ({
  environment,
  differing,
  busy,
  onSaveMine,
  onTakeTheirs,
}: {
  /** As it is now. */
  environment: Environment;
  /** The names of the fields that differ. */
  differing: readonly string[];
  busy: boolean;
  onSaveMine: () => void;
  onTakeTheirs: () => void;
}) => (
  <Notice tone="warn" icon={TriangleAlert}>
    <div id={CONFLICT_ID} role="alert" className="flex flex-col gap-2.5">
      <p>
        <span className="font-medium">This environment was saved elsewhere</span> <Ago at={environment.updatedAt} />, while you
        were writing on an earlier version. Yours and theirs differ in: {differing.join(", ")}. Nothing is lost yet; only one of
        both can be kept.
      </p>
      <div className="flex flex-wrap gap-2">
        <Button size="sm" busy={busy} onClick={onSaveMine}>
          Save mine in its place
        </Button>
        <Button size="sm" onClick={onTakeTheirs}>
          Discard mine, take theirs
        </Button>
      </div>
    </div>
  </Notice>
);
