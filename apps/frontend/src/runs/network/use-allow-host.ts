import { type Run, withHost } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useApi } from "../../api/client.ts";
import { useToasts } from "../../ui/toast.tsx";

/** Lets a run reach a host. It shows at once, and is taken back with its reason when the server refuses it. */
export const useAllowHost = ({ id }: Pick<Run, "id">): ((host: string, port: number) => void) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.byId.queryKey({ id });
  const { mutate } = useMutation(
    trpc.runs.allowHost.mutationOptions({
      onMutate: async ({ host, port = 443 }) => {
        await queries.cancelQueries({ queryKey });
        const before = queries.getQueryData(queryKey);
        queries.setQueryData(queryKey, (run) => run && { ...run, allowedHosts: withHost(run.allowedHosts, { host, port }) });
        return { before };
      },
      onSuccess: (run) => queries.setQueryData(queryKey, run),
      onError: (error, _, context) => {
        queries.setQueryData(queryKey, context?.before);
        toasts.error(error);
      },
      onSettled: () => queries.invalidateQueries({ queryKey }),
    }),
  );
  return (host, port) => mutate({ id, host, port });
};
