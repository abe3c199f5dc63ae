import { isUsedUp } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useApi } from "../api/client.ts";
import { useToasts } from "../ui/toast.tsx";

/** Sets the day's budget. It shows at once, and is taken back with its reason when the server refuses it. */
export const useSetBudgets = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.server.budgets.queryKey();
  return useMutation(
    trpc.server.setBudgets.mutationOptions({
      onMutate: async ({ dayUsd, zone }) => {
        await queries.cancelQueries({ queryKey });
        const before = queries.getQueryData(queryKey);
        if (before !== undefined)
          queries.setQueryData(queryKey, {
            ...before,
            dayUsd,
            zone: zone ?? before.zone,
            isUsedUp: isUsedUp(dayUsd, before.spentUsd),
          });
        return { before };
      },
      onSuccess: (today) => {
        queries.setQueryData(queryKey, today);
        // What waited for it goes on.
        void queries.invalidateQueries({ queryKey: trpc.runs.pathKey() });
      },
      onError: (error, _, context) => {
        queries.setQueryData(queryKey, context?.before);
        toasts.error(error);
      },
      onSettled: () => queries.invalidateQueries({ queryKey }),
    }),
  );
};
