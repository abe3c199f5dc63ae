import type { EnvironmentId, KeptSetupView } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useApi } from "../api/client.ts";
import { IconButton } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { formatBytes } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago } from "../ui/time.tsx";
import { useToasts } from "../ui/toast.tsx";
import { SetUpForm } from "./set-up-form.tsx";

const COMMIT_SHOWN = 8;

const Row = ({ id, setup }: { id: EnvironmentId; setup: KeptSetupView }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const remove = useMutation(
    trpc.environments.removeSetup.mutationOptions({
      onSuccess: () => toasts.ok("It was thrown away. The next run that wants it runs the script again."),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.environments.setups.queryKey({ id }) }),
    }),
  );
  const { key, madeAt, usedAt, bytes, inUse, from } = setup;
  return (
    <li className="flex items-start gap-3 py-2.5 pr-2 pl-4">
      <div className="flex min-w-0 flex-1 flex-col gap-0.5">
        {from === null ? (
          <p className="text-ink-soft">Made by an earlier version</p>
        ) : (
          from.repositories.map(({ repository, commit }) => (
            <p key={repository} className="flex min-w-0 gap-1.5">
              <TailPath text={repository} />
              <code className="code shrink-0 text-xs text-ink-faint" title={commit}>
                {commit.slice(0, COMMIT_SHOWN)}
              </code>
            </p>
          ))
        )}
        <p className="text-xs text-ink-faint">
          <span className="nums">{formatBytes(bytes)}</span> · made <Ago at={madeAt} /> ·{" "}
          {inUse ? (
            <span className="text-accent">in use</span>
          ) : (
            <>
              used <Ago at={usedAt} />
            </>
          )}
        </p>
        {from !== null && (
          <p className="text-xs">
            <Link to="/runs/$runId" params={{ runId: from.runId }} className="rounded text-accent hover:underline">
              What its script printed
            </Link>
          </p>
        )}
      </div>
      <Confirm
        title="Throw this away?"
        action="Throw it away"
        onConfirm={() => remove.mutate({ id, key })}
        trigger={
          <IconButton
            label={
              inUse
                ? "In use by a run that goes on"
                : `Throw away what was made from ${from?.repositories[0]?.repository ?? "it"}`
            }
            busy={remove.isPending}
            disabled={inUse}
          >
            {!remove.isPending && <Trash2 aria-hidden className="size-3.5" />}
          </IconButton>
        }
      >
        {formatBytes(bytes)} are freed. The next run that would have used it runs the script again, which may take a while.
      </Confirm>
    </li>
  );
};

/** What the set-ups of an environment left on this server: from what, how large, when used, the way to be rid of it, and to make one. `changed`: the page has changes that are not saved. */
export const KeptSetups = ({ id, changed }: { id: EnvironmentId; changed: boolean }) => {
  const { trpc } = useApi();
  const setups = useQuery(trpc.environments.setups.queryOptions({ id }, { refetchInterval: 5000 }));
  return (
    <Section heading="Kept results">
      <Card>
        {setups.data === undefined ? (
          setups.error === null ? (
            <Skeleton rows={2} />
          ) : (
            <LoadError error={setups.error} onRetry={() => setups.refetch()} />
          )
        ) : setups.data.length === 0 ? (
          <p className="p-4 text-pretty text-ink-soft">
            None yet. The first run of a repository with this environment runs the script, shows what it prints in its transcript,
            and keeps what it leaves.
          </p>
        ) : (
          <ul className="divide-y divide-line">
            {setups.data.map((setup) => (
              <Row key={setup.key} id={id} setup={setup} />
            ))}
          </ul>
        )}
        <SetUpForm id={id} changed={changed} />
      </Card>
    </Section>
  );
};
