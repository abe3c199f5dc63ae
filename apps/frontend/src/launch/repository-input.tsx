import { useMutation, useQuery } from "@tanstack/react-query";
import type { ComponentProps } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { useServerInfo } from "../api/server-info.ts";
import { Combobox } from "../ui/combobox.tsx";
import type { ComboboxOption } from "../ui/combobox-options.ts";
import { plural } from "../ui/format.ts";
import { hostSearchOf } from "./host-search.ts";

/** Repositories that somebody will want again, the last used first; null as long as they are not known. */
export const useKnownRepositories = (): readonly ComboboxOption[] | null => {
  const { trpc } = useApi();
  const info = useServerInfo();
  const { data, isError } = useQuery(trpc.repositories.recent.queryOptions(undefined, { staleTime: 30_000 }));
  if (data === undefined && !isError) return null;
  const demo = info?.demoRepository ?? null;
  const known = (data ?? []).map(({ repository, lastUsedAt }) => ({
    value: repository,
    note: repository === demo ? "demo" : lastUsedAt === null ? "has an environment" : "recent",
  }));
  return demo === null || known.some(({ value }) => value === demo) ? known : [...known, { value: demo, note: "demo" }];
};

type Parts = Pick<ComponentProps<"input">, "id" | "aria-describedby" | "aria-invalid">;

/** A repository: one of those that were used before, one that a host is asked for, or whatever is written. */
export const RepositoryInput = ({
  value,
  onChange,
  ...parts
}: Parts & { value: string; onChange: (repository: string) => void }) => {
  const { client } = useApi();
  const known = useKnownRepositories() ?? [];
  const search = hostSearchOf(value);
  const find = useMutation({
    mutationFn: async (wanted: NonNullable<typeof search>) =>
      (await client.repositories.search.query({ ...wanted, limit: 100 })).filter((found) => found.defaultBranch !== null),
  });
  const isOf = (asked: typeof search): boolean =>
    asked !== null && asked.host === find.variables?.host && asked.owner === find.variables.owner;
  const found = (find.data ?? []).map(({ repository, isArchived }) => ({
    value: repository,
    note: isArchived ? "archived" : (find.variables?.host ?? ""),
  }));
  const options = [...known, ...found.filter(({ value: one }) => !known.some((each) => each.value === one))];
  const status = find.isError
    ? describeError(find.error)
    : find.isPending || !isOf(search)
      ? null
      : `${find.variables?.host} has ${plural(found.length, "repository", "repositories")} like this.`;
  const isListed = options.some((option) => option.value === value.trim());
  return (
    <Combobox
      {...parts}
      placeholder="owner/name"
      value={value}
      options={options}
      onChange={onChange}
      status={isListed ? null : status}
      action={
        search === null || isListed || (isOf(search) && !find.isPending)
          ? null
          : {
              label: `Look on ${search.host} for ${search.query === undefined ? `repositories of ${search.owner}` : `${search.owner}/${search.query}…`}`,
              busy: find.isPending,
              onAct: () => find.mutate(search),
            }
      }
    />
  );
};
