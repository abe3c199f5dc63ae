import { isUsedUp } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useApi } from "../api/client.ts";
import { afterShown, showChanged } from "../api/optimistic.ts";
import { useToasts } from "../ui/toast.tsx";

/** Sets the day's budget. It shows at once, and is taken back with its reason when the server refuses it. */
export const useSetBudgets = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.server.budgets.queryKey();
  return useMutation(
    trpc.server.setBudgets.mutationOptions({
      onMutate: ({ dayUsd, zone }) =>
        showChanged(
          queries,
          queryKey,
          (before) => before && { ...before, dayUsd, zone: zone ?? before.zone, isUsedUp: isUsedUp(dayUsd, before.spentUsd) },
        ),
      onSuccess: (today) => {
        queries.setQueryData(queryKey, today);
        // What waited for it goes on.
        void queries.invalidateQueries({ queryKey: trpc.runs.pathKey() });
      },
      ...afterShown(queries, [queryKey], toasts.error),
    }),
  );
};
