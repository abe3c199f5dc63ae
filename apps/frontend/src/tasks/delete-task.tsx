import type { Task } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useApi } from "../api/client.ts";
import { Confirm } from "../ui/confirm.tsx";
import { useToasts } from "../ui/toast.tsx";

/** Deletes a task after a question, which `trigger` opens; `onDeleted` is called when it is gone. */
export const DeleteTask = ({
  task,
  trigger,
  onDeleted,
}: {
  task: Task;
  trigger: (busy: boolean) => ReactNode;
  onDeleted?: () => void;
}) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const remove = useMutation(
    trpc.tasks.delete.mutationOptions({
      onSuccess: () => {
        toasts.ok(`“${task.name}” was deleted.`);
        onDeleted?.();
      },
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.tasks.list.queryKey() }),
    }),
  );
  return (
    <Confirm
      title={`Delete “${task.name}”?`}
      action="Delete"
      onConfirm={() => remove.mutate({ id: task.id })}
      trigger={trigger(remove.isPending)}
    >
      The task cannot be brought back. Its runs stay, each with its own copy of the steps.
    </Confirm>
  );
};
