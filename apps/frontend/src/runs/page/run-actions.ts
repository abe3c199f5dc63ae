import { isFinal, type RunView } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleStop, PanelTop, RotateCw } from "lucide-react";
import { useMemo } from "react";
import { useApi } from "../../api/client.ts";
import { draftOfRun } from "../../launch/draft-of-run.ts";
import { launchDraftKey } from "../../launch/launch-keys.ts";
import { type PageAction, usePageActions } from "../../palette/actions.ts";
import { storeDraft } from "../../ui/draft.ts";
import { useToasts } from "../../ui/toast.tsx";
import { TABS } from "../tabs.ts";

/** Offers in the palette what the run's page can do. */
export const useRunActions = (run: RunView): void => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  const toasts = useToasts();
  const { mutate: cancel } = useMutation(
    trpc.runs.cancel.mutationOptions({
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.runs.byId.queryKey({ id: run.id }) }),
    }),
  );
  const actions = useMemo((): PageAction[] => {
    const { id, taskId, status } = run;
    const isGoing = !isFinal(status) && status !== "canceling";
    return [
      ...(isGoing
        ? [
            {
              id: "cancel",
              label: "Cancel the run",
              icon: CircleStop,
              confirm: {
                title: "Cancel this run?",
                text: "Claude Code is stopped and the sandbox removed. What it has done so far is saved.",
                action: "Cancel the run",
              },
              run: () => cancel({ id }),
            },
          ]
        : []),
      {
        id: "launch again",
        label: "Launch again",
        icon: RotateCw,
        run: () => {
          storeDraft(launchDraftKey(taskId), draftOfRun(run));
          void navigate({ to: "/tasks/$taskId", params: { taskId } });
        },
      },
      ...TABS.map((tab) => ({
        id: `tab ${tab}`,
        label: `Show the tab “${tab}”`,
        icon: PanelTop,
        run: () => void navigate({ to: "/runs/$runId", params: { runId: id }, search: { tab } }),
      })),
    ];
  }, [run, cancel, navigate]);
  usePageActions(actions);
};
