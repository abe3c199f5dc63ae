import type { Run } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { buttonClasses } from "../ui/button.tsx";
import type { Tab } from "./tabs.ts";

const LABELS = {
  transcript: "Show the transcript",
  changes: "Show the changes",
  files: "Show the files",
} as const satisfies Partial<Record<Tab, string>>;

/** Leads from a tab that has nothing to show to one that tells more. */
export const TabButton = ({ run, tab }: { run: Pick<Run, "id">; tab: keyof typeof LABELS }) => (
  <Link
    to="/runs/$runId"
    params={{ runId: run.id }}
    search={tab === "transcript" ? {} : { tab }}
    className={buttonClasses("secondary")}
  >
    {LABELS[tab]}
  </Link>
);
