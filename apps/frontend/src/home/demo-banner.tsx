import type { ServerInfo, Task } from "@ccr/protocol";
import { FlaskConical, Play } from "lucide-react";
import { useState } from "react";
import { newIdempotencyKey } from "../launch/launch-keys.ts";
import { useLaunch } from "../launch/use-launch.ts";
import { Button } from "../ui/button.tsx";
import { useToasts } from "../ui/toast.tsx";

/** Says what demo mode is and how to leave it, and launches the demo's own task; never another one. */
export const DemoBanner = ({ info, tasks }: { info: ServerInfo; tasks: readonly Task[] }) => {
  const toasts = useToasts();
  const launch = useLaunch();
  // A key for each visit: a double click makes one run, coming back makes another.
  const [idempotencyKey] = useState(newIdempotencyKey);
  const task = tasks.find(({ id }) => id === info.demoTaskId);
  const { demoRepository: repository } = info;
  return (
    <section
      aria-label="Demo mode"
      className="flex flex-col gap-4 rounded-xl border border-accent/25 bg-accent-soft p-5 sm:flex-row sm:items-center"
    >
      <FlaskConical aria-hidden className="hidden size-6 shrink-0 text-accent sm:block" />
      <div className="min-w-0 flex-1">
        <h2 className="text-base font-semibold">Demo mode: everything is real but the model</h2>
        <p className="mt-1 max-w-2xl text-pretty text-ink-soft">
          Claude Code runs in a real sandbox and talks to a scripted model that plays one scenario. For your own work, set{" "}
          <code className="code text-ink">ANTHROPIC_API_KEY</code> in the server’s environment and start it again.
          {task === undefined && " The task that the scenario is written for was deleted, so there is no demo to launch."}
        </p>
      </div>
      {task !== undefined && repository !== null && (
        <Button
          tone="primary"
          busy={launch.isPending}
          onClick={() => launch.mutate({ taskId: task.id, repository, idempotencyKey }, { onError: toasts.error })}
        >
          <Play aria-hidden className="size-3.5" /> Launch the demo
        </Button>
      )}
    </section>
  );
};
