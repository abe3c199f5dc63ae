import type { Run } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";

/** The name of a run in a list: it leads to the run's page, from wherever in the row it is pressed. The row is `relative`. */
export const RunLink = ({ run: { id, taskName }, title }: { run: Pick<Run, "id" | "taskName">; title?: string | undefined }) => (
  <Link
    to="/runs/$runId"
    params={{ runId: id }}
    title={title}
    className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
  >
    {taskName}
  </Link>
);
