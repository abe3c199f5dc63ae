import type { TaskOverview } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import { type ComponentProps, type ReactNode, useEffect, useRef } from "react";
import { useApi } from "../api/client.ts";
import { LaunchForm } from "../launch/launch-form.tsx";
import { buttonClasses, IconButton } from "../ui/button.tsx";
import { LoadError, Skeleton } from "../ui/feedback.tsx";

const Launch = ({ id }: Pick<TaskOverview, "id">) => {
  const { trpc } = useApi();
  const task = useQuery(trpc.tasks.byId.queryOptions({ id }));
  const form = useRef<HTMLDivElement>(null);
  const isThere = task.data !== undefined;
  // The form may come later than the dialog.
  useEffect(() => {
    if (isThere) form.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, [isThere]);
  if (task.data !== undefined)
    return (
      <div ref={form}>
        <LaunchForm task={task.data} wide />
      </div>
    );
  return task.error === null ? (
    <Skeleton rows={3} className="p-0" />
  ) : (
    <LoadError error={task.error} onRetry={() => task.refetch()} />
  );
};

/** The form of a launch over the page; `children` is the button that opens it. */
export const LaunchDialog = ({
  task,
  children,
}: {
  task: Pick<TaskOverview, "id" | "name">;
  children: (props: Pick<ComponentProps<"button">, "type" | "className">) => ReactNode;
}) => (
  <Dialog.Root>
    <Dialog.Trigger asChild>{children({ type: "button", className: buttonClasses("secondary", "sm") })}</Dialog.Trigger>
    <Dialog.Portal>
      <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.45)] data-[state=open]:animate-appear" />
      <Dialog.Content
        aria-describedby={undefined}
        onOpenAutoFocus={(event) => event.preventDefault()}
        className="fixed top-1/2 left-1/2 z-50 flex max-h-[calc(100dvh-2rem)] w-[min(46rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col gap-4 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-float"
      >
        <div className="flex items-start justify-between gap-3">
          <Dialog.Title className="min-w-0 text-base font-semibold [overflow-wrap:anywhere]">Launch “{task.name}”</Dialog.Title>
          <Dialog.Close asChild>
            <IconButton label="Close">
              <X aria-hidden className="size-4" />
            </IconButton>
          </Dialog.Close>
        </div>
        <Launch id={task.id} />
      </Dialog.Content>
    </Dialog.Portal>
  </Dialog.Root>
);
