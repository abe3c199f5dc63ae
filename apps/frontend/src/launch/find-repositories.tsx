import { useMutation } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { Button } from "../ui/button.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { plural } from "../ui/format.ts";

/** Adds to a list the repositories of an organisation, a group or a user: all, or those whose names hold a word. */
export const FindRepositories = ({ onFound }: { onFound: (repositories: string[]) => void }) => {
  const { client } = useApi();
  const [owner, setOwner] = useState("");
  const [query, setQuery] = useState("");
  const find = useMutation({
    mutationFn: async () => {
      const [host, name] = owner.includes("/")
        ? [owner.slice(0, owner.indexOf("/")), owner.slice(owner.indexOf("/") + 1)]
        : ["github.com", owner];
      const found = await client.repositories.search.query({ host, owner: name, ...(query.trim() === "" ? {} : { query }) });
      const usable = found.filter(({ isArchived, defaultBranch }) => !isArchived && defaultBranch !== null);
      onFound(usable.map(({ repository }) => repository));
      return { added: usable.length, left: found.length - usable.length };
    },
  });
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <div className="grid items-end gap-3 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto]">
        <Field label="Of an organisation or a user">
          {(parts) => (
            <TextInput
              {...parts}
              autoCapitalize="off"
              placeholder="acme, or gitlab.com/group"
              value={owner}
              onChange={({ target }) => setOwner(target.value)}
            />
          )}
        </Field>
        <Field label="Whose name holds">
          {(parts) => (
            <TextInput
              {...parts}
              autoCapitalize="off"
              placeholder="anything"
              value={query}
              onChange={({ target }) => setQuery(target.value)}
            />
          )}
        </Field>
        <Button busy={find.isPending} disabled={owner.trim() === ""} onClick={() => find.mutate()}>
          <Search aria-hidden className="size-3.5" /> Add them
        </Button>
      </div>
      <p role="status" className={find.isError ? "text-xs text-bad [overflow-wrap:anywhere]" : "text-xs text-ink-faint"}>
        {find.isError
          ? describeError(find.error)
          : find.data === undefined
            ? ""
            : `${plural(find.data.added, "repository", "repositories")} added${find.data.left === 0 ? "" : `; ${find.data.left} archived or empty left out`}.`}
      </p>
    </div>
  );
};
