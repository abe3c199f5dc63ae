import type { Task } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useApi } from "../api/client.ts";
import { Confirm } from "../ui/confirm.tsx";
import { useToasts } from "../ui/toast.tsx";
import { invalidateTasks } from "./invalidate.ts";

/**
 * Deletes a task after a question, which `trigger` opens. `onBegun` is called at once: the list of tasks is without it from then on, until the server
 * refuses; `onDeleted` when it is gone.
 */
export const DeleteTask = ({
  task,
  trigger,
  onBegun,
  onDeleted,
}: {
  task: Pick<Task, "id" | "name">;
  trigger: (busy: boolean) => ReactNode;
  onBegun?: () => void;
  onDeleted?: () => void;
}) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const remove = useMutation(
    trpc.tasks.delete.mutationOptions({
      onMutate: () => onBegun?.(),
      onSuccess: () => {
        toasts.ok(`“${task.name}” was deleted.`);
        onDeleted?.();
      },
      onError: toasts.error,
      onSettled: () => invalidateTasks({ trpc, queries }),
    }),
  );
  return (
    <Confirm
      title={`Delete “${task.name}”?`}
      action="Delete"
      onConfirm={() => remove.mutate({ id: task.id })}
      trigger={trigger(remove.isPending)}
    >
      The task cannot be brought back. Its earlier versions go with it; its runs stay, each with its own copy of the steps.
    </Confirm>
  );
};
