import { useQuery } from "@tanstack/react-query";
import { type ComponentProps, useState } from "react";
import { useApi } from "../api/client.ts";
import { Combobox } from "../ui/combobox.tsx";
import { modelOptions } from "./models.ts";

type Parts = Pick<ComponentProps<typeof Combobox>, "id" | "aria-describedby" | "aria-invalid" | "side">;

/** So many of the newest runs are looked at for the models that they had. */
const LOOKED_AT = 50;

/** A model: one that runs had, for which the server is asked when the list is opened, a name of Claude Code's own, or whatever is written. */
export const ModelInput = ({
  value,
  placeholder = "Claude Code's default",
  onChange,
  ...parts
}: Parts & { value: string; placeholder?: string | undefined; onChange: (model: string) => void }) => {
  const { trpc } = useApi();
  const [wanted, setWanted] = useState(false);
  const { data } = useQuery(
    trpc.runs.page.queryOptions({ limit: LOOKED_AT }, { enabled: wanted, staleTime: 60_000, retry: false }),
  );
  return (
    <Combobox
      {...parts}
      placeholder={placeholder}
      value={value}
      // Without an answer there are still Claude Code's own names.
      options={modelOptions(data?.runs ?? [])}
      onOpen={() => setWanted(true)}
      onChange={onChange}
    />
  );
};
