import { type Run, withHost } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useApi } from "../../api/client.ts";
import { afterShown, showChanged } from "../../api/optimistic.ts";
import { useToasts } from "../../ui/toast.tsx";

/** Lets a run reach a host. It shows at once, and is taken back with its reason when the server refuses it. */
export const useAllowHost = ({ id }: Pick<Run, "id">): ((host: string, port: number) => void) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.byId.queryKey({ id });
  const { mutate } = useMutation(
    trpc.runs.allowHost.mutationOptions({
      onMutate: ({ host, port = 443 }) =>
        showChanged(queries, queryKey, (run) => run && { ...run, allowedHosts: withHost(run.allowedHosts, { host, port }) }),
      ...afterShown(queries, [queryKey], toasts.error),
    }),
  );
  return (host, port) => mutate({ id, host, port });
};
