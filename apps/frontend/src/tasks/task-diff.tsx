import type { TaskContent } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useApi } from "../api/client.ts";
import { diffLines } from "../runs/changes/line-diff.ts";
import { useFolds } from "../runs/page/use-run-stream.ts";
import { DiffView } from "../runs/transcript/diff-view.tsx";
import { textOfTask } from "./task-text.ts";

/** In what two versions of a task differ, line by line. */
export const TaskDiff = ({ before, after, same }: { before: TaskContent; after: TaskContent; same: string }) => {
  const { trpc } = useApi();
  const { data: environments } = useQuery(trpc.environments.list.queryOptions(undefined, { staleTime: 30_000 }));
  const lines = useMemo(() => {
    const nameOf = ({ environmentId }: TaskContent): string | null =>
      environmentId === null ? null : (environments?.find(({ id }) => id === environmentId)?.name ?? environmentId);
    return diffLines(textOfTask(before, nameOf(before)), textOfTask(after, nameOf(after)));
  }, [before, after, environments]);
  const folds = useFolds();
  if (lines.length === 0) return <p className="text-ink-soft">{same}</p>;
  return <DiffView lines={lines} language={null} label="Lines" foldKey="lines" folds={folds} />;
};
