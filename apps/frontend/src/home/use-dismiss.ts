import { useMutation } from "@tanstack/react-query";
import { useApi } from "../api/client.ts";
import { afterShown, showChanged } from "../api/optimistic.ts";
import { useToasts } from "../ui/toast.tsx";

/** Takes what ended badly from the list at once, and puts it back when the server does not. */
export const useDismiss = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.overview.queryKey();
  return useMutation(
    trpc.runs.dismiss.mutationOptions({
      onMutate: ({ ids }) =>
        showChanged(
          queries,
          queryKey,
          (overview) => overview && { ...overview, attention: overview.attention.filter(({ id }) => !ids.includes(id)) },
        ),
      ...afterShown(queries, [queryKey], toasts.error),
    }),
  );
};
