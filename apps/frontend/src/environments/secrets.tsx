import { type EnvironmentView, SetSecretsInput } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { KeyRound, Trash2 } from "lucide-react";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { Card, Section } from "../ui/layout.tsx";
import { useToasts } from "../ui/toast.tsx";

/** The names of an environment's secrets, and where values are given. A value is never shown again, nor kept in this tab. */
export const Secrets = ({ environment }: { environment: EnvironmentView }) => {
  const { id, secretNames, missingSecrets } = environment;
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const set = useMutation(
    trpc.environments.setSecrets.mutationOptions({
      onSuccess: (next) => {
        queries.setQueryData(trpc.environments.byId.queryKey({ id }), next);
        void queries.invalidateQueries({ queryKey: trpc.environments.list.queryKey() });
      },
    }),
  );
  const give = async (): Promise<void> => {
    const given = SetSecretsInput.safeParse({ id, secrets: { [name.trim()]: value } });
    setProblem(given.success ? null : (given.error.issues[0]?.message ?? null));
    if (!given.success) return;
    await set.mutateAsync(given.data).then(
      () => {
        setName("");
        setValue("");
        toasts.ok(`${name.trim()} is kept.`);
      },
      (error: unknown) => setProblem(describeError(error)),
    );
  };
  const remove = (secret: string): void => {
    set.mutate({ id, secrets: { [secret]: null } }, { onError: toasts.error });
  };
  return (
    <Section heading="Secrets">
      <Card>
        {secretNames.length > 0 && (
          <ul className="divide-y divide-line border-b border-line">
            {secretNames.map((secret) => (
              <li key={secret} className="flex items-center gap-3 py-2 pr-2 pl-4">
                <KeyRound aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
                <code className="code min-w-0 flex-1 truncate">{secret}</code>
                {missingSecrets.includes(secret) && <span className="text-xs text-warn">no value on this server</span>}
                <Confirm
                  title={`Remove ${secret}?`}
                  action="Remove"
                  onConfirm={() => remove(secret)}
                  trigger={
                    <IconButton label={`Remove ${secret}`}>
                      <Trash2 aria-hidden className="size-3.5" />
                    </IconButton>
                  }
                >
                  Its value is removed from this server. The next set-up runs without it.
                </Confirm>
              </li>
            ))}
          </ul>
        )}
        <form
          noValidate
          className="flex flex-col gap-3 p-4"
          onSubmit={(event) => {
            event.preventDefault();
            void give();
          }}
        >
          <div className="grid gap-3 sm:grid-cols-2">
            <Field label="Name of the variable" error={problem ?? undefined}>
              {(parts) => (
                <TextInput
                  {...parts}
                  className="code"
                  placeholder="PACKAGES_TOKEN"
                  autoCapitalize="off"
                  value={name}
                  onChange={({ target }) => setName(target.value)}
                />
              )}
            </Field>
            <Field label="Value">
              {(parts) => (
                <TextInput
                  {...parts}
                  type="password"
                  autoComplete="new-password"
                  value={value}
                  onChange={({ target }) => setValue(target.value)}
                />
              )}
            </Field>
          </div>
          <p className="text-xs text-pretty text-ink-faint">
            Only the set-up’s script is given it, and it is not shown again. What the script leaves is looked through: with a
            secret in it, nothing is kept.
          </p>
          <div>
            <Button type="submit" busy={set.isPending} disabled={name.trim() === "" || value === ""}>
              {secretNames.includes(name.trim()) ? "Replace the value" : "Keep the secret"}
            </Button>
          </div>
        </form>
      </Card>
    </Section>
  );
};
