import type { TaskId } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useApi } from "../api/client.ts";
import { downloadText } from "../ui/download.ts";
import { useToasts } from "../ui/toast.tsx";

const fileName = (name: string): string =>
  `${name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60)}.json`;

/** Downloads tasks as a file, all of them when no `ids` are given; `children` is the button. */
export const ExportTasks = ({
  ids,
  name,
  children,
}: {
  ids?: TaskId[];
  /** Of what is in the file. */
  name: string;
  children: (props: { busy: boolean; onClick: () => void }) => ReactNode;
}) => {
  const { client } = useApi();
  const toasts = useToasts();
  const download = useMutation({
    mutationFn: () => client.tasks.export.query(ids === undefined ? {} : { ids }),
    onSuccess: (file) => downloadText(fileName(`task-${name}`), `${JSON.stringify(file, null, 2)}\n`, "application/json"),
    onError: toasts.error,
  });
  return children({ busy: download.isPending, onClick: () => download.mutate() });
};
