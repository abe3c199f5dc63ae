import type { EnvironmentFacts, EnvironmentId } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { GitBranch, X } from "lucide-react";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { Card, Section } from "../ui/layout.tsx";
import { useToasts } from "../ui/toast.tsx";

/** The repositories whose runs have this environment unless their launch or their task names another one. */
export const Repositories = ({ id, facts }: { id: EnvironmentId; facts: EnvironmentFacts | undefined }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const [repository, setRepository] = useState("");
  const set = useMutation(
    trpc.environments.setDefault.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.environments.facts.queryKey() }),
    }),
  );
  const add = async (): Promise<void> => {
    // The error stands beside the field.
    await set.mutateAsync({ repository, environmentId: id }).then(
      () => setRepository(""),
      () => {},
    );
  };
  const chosen = (facts?.defaults ?? []).filter(({ environmentId }) => environmentId === id);
  return (
    <Section heading="Repositories">
      <Card>
        {chosen.length > 0 && (
          <ul className="divide-y divide-line border-b border-line">
            {chosen.map((each) => (
              <li key={each.repository} className="flex items-center gap-3 py-2 pr-2 pl-4">
                <GitBranch aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
                <span className="code min-w-0 flex-1 truncate text-xs" title={each.repository}>
                  {each.repository}
                </span>
                <IconButton
                  label={`Not that of ${each.repository} any more`}
                  onClick={() => set.mutate({ repository: each.repository, environmentId: null }, { onError: toasts.error })}
                >
                  <X aria-hidden className="size-3.5" />
                </IconButton>
              </li>
            ))}
          </ul>
        )}
        <form
          noValidate
          className="flex flex-col gap-3 p-4"
          onSubmit={(event) => {
            event.preventDefault();
            void add();
          }}
        >
          <Field
            label="Use it for every run against"
            error={set.error === null ? undefined : describeError(set.error)}
            hint="Unless a task or a launch says otherwise."
          >
            {(parts) => (
              <TextInput
                {...parts}
                placeholder="owner/name"
                autoCapitalize="off"
                value={repository}
                onChange={({ target }) => setRepository(target.value)}
              />
            )}
          </Field>
          <div>
            <Button type="submit" busy={set.isPending} disabled={repository.trim() === ""}>
              Add
            </Button>
          </div>
        </form>
      </Card>
    </Section>
  );
};
