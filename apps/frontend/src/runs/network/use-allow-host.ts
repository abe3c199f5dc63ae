import { namesHost, type Run, withHost, withoutHost } from "@ccr/protocol";
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
        const wasThere = namesHost(queries.getQueryData(queryKey)?.allowedHosts ?? [], { host, port });
        queries.setQueryData(queryKey, (run) => run && { ...run, allowedHosts: withHost(run.allowedHosts, { host, port }) });
        return { wasThere };
      },
      onError: (error, { host, port = 443 }, context) => {
        // Others may have been allowed meanwhile, and the run may have gone on: that one alone is taken back.
        if (context?.wasThere === false)
          queries.setQueryData(queryKey, (run) => run && { ...run, allowedHosts: withoutHost(run.allowedHosts, { host, port }) });
        toasts.error(error);
      },
      onSettled: () => queries.invalidateQueries({ queryKey }),
    }),
  );
  return (host, port) => mutate({ id, host, port });
};
