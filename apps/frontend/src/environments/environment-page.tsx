import { EnvironmentId, type EnvironmentView } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, RefreshCw, Trash2 } from "lucide-react";
import { useLayoutEffect } from "react";
import { useApi } from "../api/client.ts";
import { statusOf } from "../api/errors.ts";
import { NotFound } from "../app/not-found.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { useDraftForm } from "../ui/draft-form.ts";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { Page } from "../ui/layout.tsx";
import { LeaveGuard } from "../ui/leave-guard.tsx";
import { SaveBar } from "../ui/save-bar.tsx";
import { useToasts } from "../ui/toast.tsx";
import { CONFLICT_ID, ConflictNotice } from "./conflict-notice.tsx";
import { describeDifference, draftOf, EnvironmentDraft, emptyDraft, isChanged, validateDraft } from "./draft.ts";
import { EnvironmentForm } from "./environment-form.tsx";
import { KeptSetups } from "./kept-setups.tsx";
import { LatestRuns } from "./latest-runs.tsx";
import { Repositories } from "./repositories.tsx";
import { Secrets } from "./secrets.tsx";

const allEnvironments = (
  <Link to="/environments" className="inline-flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
    <ArrowLeft aria-hidden className="size-3.5" /> All environments
  </Link>
);

/** Others may change it. */
const LOOK_EVERY_MS = 5000;

const environmentDraftKey = (id: string): string => `ccr.draft.environment.${id}`;

const draftParts = { schema: EnvironmentDraft, isChanged, validate: validateDraft };

/** Where a new environment is written. */
export const NewEnvironmentPage = () => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  const toasts = useToasts();
  const facts = useQuery(trpc.environments.facts.queryOptions());
  const form = useDraftForm({ ...draftParts, storedAs: "ccr.draft.environment.new", saved: emptyDraft() });
  const create = useMutation(
    trpc.environments.create.mutationOptions({
      onSuccess: async (environment) => {
        form.settle(draftOf(environment), environmentDraftKey(environment.id));
        queries.setQueryData(trpc.environments.byId.queryKey({ id: environment.id }), environment);
        await queries.invalidateQueries({ queryKey: trpc.environments.list.queryKey() });
        toasts.ok("Saved. Now give it secrets, or choose it in a task or a launch.");
        await navigate({ to: "/environments/$environmentId", params: { environmentId: environment.id } });
      },
    }),
  );
  const submit = (): void => {
    const input = form.check();
    if (input !== null) create.mutate(input);
  };
  return (
    <Page
      title="New environment"
      heading="New environment"
      intro="Say what runs need beyond their repository, and how it is set up."
      back={allEnvironments}
      width="max-w-3xl"
    >
      <LeaveGuard isDirty={form.isDirty} onDiscard={form.discard} />
      <EnvironmentForm
        draft={form.shown}
        problems={form.problems}
        facts={facts.data}
        onChange={form.change}
        onSubmit={submit}
        footer={
          <SaveBar
            busy={create.isPending}
            label="Create the environment"
            changed={form.changed}
            onDiscard={form.discard}
            error={create.error}
          />
        }
      />
    </Page>
  );
};

const Actions = ({ environment, onDeleted }: { environment: EnvironmentView; onDeleted: () => void }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const { id, name } = environment;
  const rebuild = useMutation(
    trpc.environments.rebuild.mutationOptions({
      onSuccess: (next) => {
        queries.setQueryData(trpc.environments.byId.queryKey({ id }), next);
        void queries.invalidateQueries({ queryKey: trpc.environments.setups.queryKey({ id }) });
        toasts.ok("The next run sets it up anew.");
      },
      onError: toasts.error,
    }),
  );
  const remove = useMutation(
    trpc.environments.delete.mutationOptions({
      onSuccess: () => {
        toasts.ok(`“${name}” was deleted.`);
        onDeleted();
      },
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.environments.list.queryKey() }),
    }),
  );
  return (
    <>
      {(environment.setup !== null || environment.image.kind === "devcontainer") && (
        <Confirm
          title={`Set “${name}” up anew?`}
          action="Set up anew"
          onConfirm={() => rebuild.mutate({ id })}
          trigger={
            <Button busy={rebuild.isPending}>
              <RefreshCw aria-hidden className="size-3.5" /> Set up anew
            </Button>
          }
        >
          What its set-up left is forgotten. The next run of each repository runs the script again.
        </Confirm>
      )}
      <Confirm
        title={`Delete “${name}”?`}
        action="Delete"
        onConfirm={() => remove.mutate({ id })}
        trigger={
          <Button tone="danger" busy={remove.isPending}>
            <Trash2 aria-hidden className="size-3.5" /> Delete
          </Button>
        }
      >
        It cannot be brought back, nor can its secrets. Runs stay, each with its own copy of it.
      </Confirm>
    </>
  );
};

/** The form may be longer than the window. */
const revealConflict = (): void => document.getElementById(CONFLICT_ID)?.scrollIntoView({ block: "center" });

const EditEnvironment = ({ environment }: { environment: EnvironmentView }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const navigate = useNavigate();
  const facts = useQuery(trpc.environments.facts.queryOptions());
  const { id, name } = environment;
  const saved = draftOf(environment);
  const form = useDraftForm({ ...draftParts, storedAs: environmentDraftKey(id), saved });
  const { changed, isOutdated } = form;
  const update = useMutation(
    trpc.environments.update.mutationOptions({
      onSuccess: (next) => {
        queries.setQueryData(trpc.environments.byId.queryKey({ id }), next);
        form.settle(draftOf(next));
        toasts.ok("Saved.");
        return queries.invalidateQueries({ queryKey: trpc.environments.list.queryKey() });
      },
      // What they saved is then compared with one's own.
      onError: (error) =>
        statusOf(error) === 409 ? queries.invalidateQueries({ queryKey: trpc.environments.byId.queryKey({ id }) }) : undefined,
    }),
  );
  const save = (): void => {
    const input = form.check();
    if (input !== null) update.mutate({ id, ...input, expectedVersion: environment.version });
  };
  const submit = (): void => {
    if (isOutdated) {
      revealConflict();
      toasts.error(new Error("Somebody else saved this environment. Choose which of both is to be kept."));
    } else save();
  };
  const discard = (): void => {
    form.discard();
    update.reset();
  };
  const isRefused = isOutdated && statusOf(update.error) === 409;
  useLayoutEffect(() => {
    if (isRefused) revealConflict();
  }, [isRefused]);
  return (
    <Page
      title={name}
      heading={name}
      width="max-w-6xl"
      back={allEnvironments}
      actions={
        <Actions
          environment={environment}
          onDeleted={() => {
            form.forget();
            void navigate({ to: "/environments" });
          }}
        />
      }
    >
      <LeaveGuard isDirty={form.isDirty} onDiscard={discard} />
      <div className="grid gap-8 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <EnvironmentForm
          draft={form.shown}
          problems={form.problems}
          facts={facts.data}
          onChange={form.change}
          onSubmit={submit}
          notice={
            isOutdated && (
              <ConflictNotice
                environment={environment}
                differing={describeDifference(form.shown, saved)}
                busy={update.isPending}
                onSaveMine={save}
                onTakeTheirs={discard}
              />
            )
          }
          footer={
            <SaveBar
              busy={update.isPending}
              disabled={!changed}
              label="Save"
              changed={changed}
              onDiscard={discard}
              error={isRefused ? null : update.error}
            />
          }
        />
        <aside className="flex min-w-0 flex-col gap-6">
          {(environment.setup !== null || environment.image.kind === "devcontainer") && <KeptSetups id={id} changed={changed} />}
          <LatestRuns id={id} />
          <Secrets environment={environment} />
          <Repositories id={id} facts={facts.data} />
        </aside>
      </div>
    </Page>
  );
};

const LoadedEnvironment = ({ id }: { id: EnvironmentId }) => {
  const { trpc } = useApi();
  const environment = useQuery(trpc.environments.byId.queryOptions({ id }, { refetchInterval: LOOK_EVERY_MS }));
  if (environment.data !== undefined) return <EditEnvironment key={environment.data.id} environment={environment.data} />;
  if (statusOf(environment.error) === 404) return <NotFound what="environment" to="/environments" label="See all environments" />;
  if (environment.error !== null) return <LoadError error={environment.error} onRetry={() => environment.refetch()} />;
  return <Skeleton className="mx-auto max-w-5xl p-8" />;
};

/** Where an environment is changed, and given secrets. */
export const EnvironmentPage = () => {
  const { environmentId } = useParams({ from: "/environments/$environmentId" });
  const id = EnvironmentId.safeParse(environmentId);
  return id.success ? (
    <LoadedEnvironment id={id.data} />
  ) : (
    <NotFound what="environment" to="/environments" label="See all environments" />
  );
};
