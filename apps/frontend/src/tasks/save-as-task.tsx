import type { Task } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { BookmarkPlus } from "lucide-react";
import { useApi } from "../api/client.ts";
import { Button } from "../ui/button.tsx";
import { useToasts } from "../ui/toast.tsx";

/** Puts a task that was made for one run among the tasks. */
export const useSaveAsTask = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  return useMutation(
    trpc.tasks.update.mutationOptions({
      onSuccess: (saved) => {
        queries.setQueryData(trpc.tasks.byId.queryKey({ id: saved.id }), saved);
        toasts.ok("Saved. It is among your tasks now.");
        return queries.invalidateQueries({ queryKey: trpc.tasks.list.queryKey() });
      },
      onError: toasts.error,
    }),
  );
};

/** Offers that; nothing for a task that is among them. */
export const SaveAsTask = ({ task, size = "sm" }: { task: Task | undefined; size?: "sm" | "md" }) => {
  const save = useSaveAsTask();
  if (task?.isQuick !== true) return null;
  return (
    <Button
      size={size}
      busy={save.isPending}
      title="Its words become a task that can be launched again and changed"
      onClick={() => save.mutate({ id: task.id, name: task.name })}
    >
      <BookmarkPlus aria-hidden className="size-3.5" />{" "}
      <span className={size === "sm" ? "max-sm:sr-only" : ""}>Save as a task</span>
    </Button>
  );
};
