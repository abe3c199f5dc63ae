import type { Run } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useApi } from "../api/client.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { useToasts } from "../ui/toast.tsx";

// One step up or down is enough: most runs have none.
const STEP = 10;
const MOST = 100;

type Ranked = Pick<Run, "id" | "priority">;

/** Moves queued runs; `shown` is a run as it is about to be, until the server has said how it is. */
export const usePriority = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const move = useMutation(
    trpc.runs.setPriority.mutationOptions({
      onSuccess: (run) => queries.setQueryData(trpc.runs.byId.queryKey({ id: run.id }), run),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.runs.pathKey() }),
    }),
  );
  return {
    shown: <Shown extends Ranked>(run: Shown): Shown =>
      move.isPending && move.variables.id === run.id ? { ...run, priority: move.variables.priority } : run,
    isMoving: move.isPending,
    by: ({ id, priority }: Ranked, by: number) => move.mutate({ id, priority: Math.max(-MOST, Math.min(MOST, priority + by)) }),
  };
};

/** Whether it can be moved further that way. Pure. */
export const canMove = ({ priority }: Pick<Run, "priority">, by: number): boolean => Math.abs(priority + Math.sign(by)) <= MOST;

export const WAYS = [
  { icon: ArrowUp, label: "Sooner", by: STEP, title: "Start it before runs with a lower priority" },
  { icon: ArrowDown, label: "Later", by: -STEP, title: "Start it after runs with a higher priority" },
] as const;

/** Lets a queued run start sooner or later. `look`: in a list, icons that name the run; on its own page, words. */
export const PriorityButtons = ({
  run,
  priority,
  look,
}: {
  run: Ranked & Pick<Run, "taskName">;
  priority: ReturnType<typeof usePriority>;
  look: "icons" | "words";
}) =>
  WAYS.map(({ icon: Icon, label, by, title }) => {
    const isDisabled = priority.isMoving || !canMove(run, by);
    const onClick = () => priority.by(run, by);
    return look === "icons" ? (
      <IconButton key={label} label={`Start ${run.taskName} ${label.toLowerCase()}`} disabled={isDisabled} onClick={onClick}>
        <Icon aria-hidden className="size-3.5" />
      </IconButton>
    ) : (
      <Button key={label} size="sm" disabled={isDisabled} onClick={onClick} title={title}>
        <Icon aria-hidden className="size-3.5" /> {label}
      </Button>
    );
  });
