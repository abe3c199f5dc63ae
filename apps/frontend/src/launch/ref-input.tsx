import { parseRepository, RepositoryText } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { type ComponentProps, useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { Combobox } from "../ui/combobox.tsx";

type Parts = Pick<ComponentProps<"input">, "id" | "aria-describedby" | "aria-invalid">;

/** Where a run starts in its repository: one of the branches, for which its host is asked when the list is opened, or a tag or commit. */
export const RefInput = ({
  repository,
  value,
  placeholder,
  onChange,
  ...parts
}: Parts & { repository: string; value: string; placeholder?: string | undefined; onChange: (ref: string) => void }) => {
  const { trpc } = useApi();
  const [wanted, setWanted] = useState(false);
  const named = RepositoryText.safeParse(repository);
  const isUsable = named.success && parseRepository(named.data).ok;
  const branches = useQuery(
    trpc.repositories.branches.queryOptions(
      { repository: named.success ? named.data : "" },
      { enabled: wanted && isUsable, staleTime: 60_000, retry: false },
    ),
  );
  const { data } = branches;
  const options = (data?.branches ?? []).map((name) =>
    name === data?.defaultBranch ? { value: name, note: "default" } : { value: name },
  );
  const status = !isUsable
    ? "Name the repository first: then its branches can be chosen here."
    : branches.isFetching && data === undefined
      ? "Asking for its branches…"
      : branches.error !== null
        ? describeError(branches.error)
        : data === undefined
          ? null
          : data.branches.length === 0
            ? "It has no branch yet: push a first commit."
            : data.isWhole
              ? null
              : "It has more branches than these; any name can be written.";
  return (
    <Combobox
      {...parts}
      placeholder={placeholder ?? data?.defaultBranch ?? "default branch"}
      value={value}
      options={options}
      status={options.some((option) => option.value === value.trim()) ? null : status}
      onOpen={() => setWanted(true)}
      onChange={onChange}
    />
  );
};
