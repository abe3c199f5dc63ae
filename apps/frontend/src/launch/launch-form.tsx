import { NO_DEFAULTS, type Task, type TaskId, type TaskParameter } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Play, TriangleAlert } from "lucide-react";
import { Collapsible } from "radix-ui";
import { useLayoutEffect, useRef, useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { useServerInfo } from "../api/server-info.ts";
import { emptyDelivery } from "../delivery/delivery-draft.ts";
import { EnvironmentField } from "../environments/environment-field.tsx";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { useDraft } from "../ui/draft.ts";
import { Notice } from "../ui/feedback.tsx";
import { Field, Select } from "../ui/field.tsx";
import { plural } from "../ui/format.ts";
import { USUAL_CONDUCT } from "./conduct.ts";
import { LaunchDraft, type LaunchProblems, problemsOfRefusal, validateLaunch } from "./launch-draft.ts";
import { launchDraftKey, newIdempotencyKey } from "./launch-keys.ts";
import { LaunchOptions } from "./launch-options.tsx";
import { ParameterFields } from "./parameter-fields.tsx";
import { parametersOf } from "./parameters.ts";
import { RefInput } from "./ref-input.tsx";
import { directoryNames, isRepositoriesField, repositoryProblems } from "./repositories-draft.ts";
import { RepositoryInput, useKnownRepositories } from "./repository-input.tsx";
import { DirectoryField, RepositoryRows } from "./repository-rows.tsx";
import { SeveralFields } from "./several.tsx";
import { countRuns, isSeveral, problemsOfBeside, validateSeveral } from "./several-draft.ts";
import { useLaunch, useLaunchBatch } from "./use-launch.ts";
import { useRepositoryProblems } from "./use-repository-problems.ts";

const noProblems: LaunchProblems = new Map();

/** What a launch of a task, and of those that compete with it, is asked for. */
const useAskedFor = (task: Task | undefined, others: readonly string[]): TaskParameter[] => {
  const { trpc } = useApi();
  const { data = [] } = useQuery(trpc.tasks.list.queryOptions(undefined, { enabled: others.length > 0 }));
  return parametersOf([...(task === undefined ? [] : [task]), ...data.filter(({ id }) => others.includes(id))]);
};

const WRONG = "[aria-invalid=true]";
const SEVERAL_FIELDS = ["repositories", "models", "attempts", "maxConcurrent"];

/**
 * Launches a task: the given one, or one of `tasks`. `beforeLaunch` may stop it by giving false. What was filled in is kept over a reload
 * until it was launched.
 */
export const LaunchForm = ({
  task,
  tasks = [],
  beforeLaunch,
  label = "Launch",
  wide = false,
}: {
  task?: Task | undefined;
  tasks?: readonly Task[];
  beforeLaunch?: (() => Promise<boolean>) | undefined;
  label?: string;
  wide?: boolean;
}) => {
  const { trpc, queries } = useApi();
  const info = useServerInfo();
  const known = useKnownRepositories() ?? [];
  const [stored, setDraft] = useDraft(launchDraftKey(task?.id ?? null), LaunchDraft);
  const [problems, setProblems] = useState(noProblems);
  const [freshKey] = useState(newIdempotencyKey);
  const launch = useLaunch(() => setDraft(null));
  const launchBatch = useLaunchBatch(() => setDraft(null));
  const launchError = launch.error ?? launchBatch.error;
  const refused = launchError === null ? null : problemsOfRefusal(describeError(launchError));
  const isRefused = refused !== null;
  const form = useRef<HTMLFormElement>(null);

  const fallback: TaskId | "" = task?.id ?? tasks[0]?.id ?? "";
  const usual = (task ?? tasks[0])?.defaults.repository ?? null;
  const draft: LaunchDraft = stored ?? {
    taskId: fallback,
    repository: usual ?? known[0]?.value ?? "",
    ref: "",
    directory: "",
    additionalRepositories: [],
    model: "",
    limits: {},
    ...USUAL_CONDUCT,
    delivery: emptyDelivery("task"),
    environmentId: "",
    parameters: {},
    idempotencyKey: freshKey,
  };
  const [severalOpen, setSeveralOpen] = useState(draft.several !== undefined && isSeveral(draft));
  const [moreOpen, setMoreOpen] = useState(
    draft.model !== "" ||
      draft.network !== "" ||
      draft.delivery.to !== "task" ||
      Object.values(draft.limits).some((text) => text !== ""),
  );
  // A task that was deleted since cannot be chosen any more.
  const taskId = task?.id ?? (tasks.some(({ id }) => id === draft.taskId) ? draft.taskId : fallback);
  const chosen = task ?? tasks.find(({ id }) => id === taskId);
  const defaults = chosen?.defaults ?? NO_DEFAULTS;
  // What the task starts from belongs to its own repository.
  const usualRef = defaults.repository === null || defaults.repository === draft.repository.trim() ? defaults.ref : null;
  const parameters = useAskedFor(chosen, draft.several?.taskIds ?? []);
  // A changed launch is another launch.
  const change = (next: Partial<LaunchDraft>): void => {
    // What was refused is not what stands there any more.
    if (launch.error !== null) launch.reset();
    if (launchBatch.error !== null) launchBatch.reset();
    setDraft({ ...draft, ...next, idempotencyKey: newIdempotencyKey() });
  };

  const openFor = (fields: readonly string[]): void => {
    if (fields.some((key) => key === "model" || /^(limits|delivery)\./.test(key))) setMoreOpen(true);
    if (fields.some((key) => SEVERAL_FIELDS.includes(key))) setSeveralOpen(true);
  };
  const onRefused = (error: unknown): void => {
    const found = problemsOfRefusal(describeError(error));
    if (found === null) return;
    openFor([...found.keys()]);
    // The task may ask for more than this page knows of.
    void queries.invalidateQueries({ queryKey: trpc.tasks.pathKey() });
  };
  // What has no field here is told as a whole.
  const [isFieldless, setFieldless] = useState(false);
  useLayoutEffect(() => setFieldless(isRefused && form.current?.querySelector(WRONG) === null));
  // The first field that is wrong is where to go on.
  useLayoutEffect(() => {
    if (problems.size > 0 || (isRefused && !isFieldless)) form.current?.querySelector<HTMLElement>(WRONG)?.focus();
  }, [problems, isRefused, isFieldless]);

  const several = isSeveral({ ...draft, taskId });
  const rows = draft.additionalRepositories;
  const directories = directoryNames(draft);
  const ofRepositories = useRepositoryProblems(several ? problemsOfBeside(draft) : repositoryProblems(draft), rows);
  const problemOf = (field: string): string | undefined =>
    (isRepositoriesField(field) ? ofRepositories.problemOf(field) : problems.get(field)) ?? refused?.get(field);
  const runs = several ? countRuns({ ...draft, taskId }) : null;
  const show = (found: LaunchProblems): void => {
    setProblems(found);
    openFor([...found.keys()]);
  };

  const submit = async (): Promise<void> => {
    ofRepositories.onTried();
    const whole = { ...draft, taskId };
    const one = several ? null : validateLaunch(whole, parameters);
    const many = several ? validateSeveral(whole, parameters) : null;
    const checked = one ?? many;
    show(checked === null || checked.ok ? noProblems : checked.problems);
    if (checked?.ok !== true) return;
    // What was saved just now makes another launch, whatever was sent before.
    const again = beforeLaunch === undefined ? {} : { idempotencyKey: newIdempotencyKey() };
    // Sent once more after an answer that was lost, it is the same launch.
    if (beforeLaunch !== undefined) setDraft({ ...draft, ...again });
    if (beforeLaunch !== undefined && !(await beforeLaunch())) return;
    if (one?.ok === true) launch.mutate({ ...one.input, ...again }, { onError: onRefused });
    else if (many?.ok === true) launchBatch.mutate({ ...many.input, ...again }, { onError: onRefused });
  };

  const roots = info?.localRepositoryRoots ?? [];
  return (
    <form
      ref={form}
      noValidate
      className="flex min-w-0 flex-col gap-4"
      onBlur={ofRepositories.onLeft}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div
        className={classes(
          "grid gap-4",
          wide && rows.length === 0 && task === undefined && "sm:grid-cols-[minmax(0,1fr)_minmax(0,1.4fr)_minmax(0,0.7fr)]",
          wide && rows.length === 0 && task !== undefined && "sm:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)]",
          wide &&
            rows.length > 0 &&
            "sm:grid-cols-2 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.4fr)_minmax(0,0.9fr)_minmax(0,0.7fr)]",
        )}
      >
        {task === undefined && (
          <Field label="Task" error={problemOf("taskId")}>
            {(parts) => (
              <Select
                {...parts}
                value={taskId}
                onChange={({ target }) => {
                  const next = tasks.find(({ id }) => id === target.value)?.defaults.repository ?? null;
                  // A repository that came with the other task goes with it; one that was typed stays.
                  const isUsual = draft.repository === "" || draft.repository === defaults.repository || stored === null;
                  change({ taskId: target.value, ...(next !== null && isUsual && { repository: next }) });
                }}
              >
                {tasks.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Field
          label="Repository"
          error={problemOf("repository")}
          hint={
            <>
              owner/name, a URL
              {roots.length > 0 && (
                <>
                  , or a path under <span className="code text-2xs">{roots.join(", ")}</span>
                </>
              )}
            </>
          }
        >
          {(parts) => <RepositoryInput {...parts} value={draft.repository} onChange={(repository) => change({ repository })} />}
        </Field>
        <Field label="Branch, tag or commit" error={problemOf("ref")}>
          {(parts) => (
            <RefInput
              {...parts}
              repository={draft.repository}
              placeholder={usualRef ?? undefined}
              value={draft.ref}
              onChange={(ref) => change({ ref })}
            />
          )}
        </Field>
        {rows.length > 0 && (
          <DirectoryField
            value={draft.directory}
            name={directories[0] ?? ""}
            error={problemOf("directory")}
            onChange={(directory) => change({ directory })}
          />
        )}
        <EnvironmentField
          value={draft.environmentId}
          unset="The task’s, or the repository’s"
          none="None"
          error={problemOf("environmentId")}
          onChange={(environmentId) => change({ environmentId })}
        />
      </div>
      {parameters.length > 0 && (
        <ParameterFields
          parameters={parameters}
          task={chosen}
          typed={draft.parameters}
          wide={wide}
          problemOf={problemOf}
          onChange={(typed) => change({ parameters: typed })}
        />
      )}
      <RepositoryRows
        rows={rows}
        directories={directories.slice(1)}
        wide={wide}
        problemOf={problemOf}
        onChange={(additionalRepositories) => {
          if (additionalRepositories.length !== rows.length) ofRepositories.forget();
          change({ additionalRepositories });
        }}
      />
      <Collapsible.Root open={moreOpen} onOpenChange={setMoreOpen}>
        <Collapsible.Trigger className="group flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
          <ChevronRight aria-hidden className="size-3.5 transition-transform group-data-[state=open]:rotate-90" />
          Model, limits and result
        </Collapsible.Trigger>
        <Collapsible.Content className={classes("grid gap-4 pt-4", wide && "sm:grid-cols-2 lg:grid-cols-3")}>
          <LaunchOptions
            draft={draft}
            defaults={defaults}
            deliveries={["task", "nowhere", "branch", "pull_request"]}
            problems={problems}
            problemOf={problemOf}
            wide={wide}
            onChange={change}
          />
        </Collapsible.Content>
      </Collapsible.Root>
      <Collapsible.Root open={severalOpen} onOpenChange={setSeveralOpen}>
        <Collapsible.Trigger className="group flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
          <ChevronRight aria-hidden className="size-3.5 transition-transform group-data-[state=open]:rotate-90" />
          Several at once
        </Collapsible.Trigger>
        <Collapsible.Content className={classes("grid gap-4 pt-4", wide && "sm:grid-cols-2")}>
          <SeveralFields draft={draft} taskId={taskId} problemOf={problemOf} onChange={(next) => change({ several: next })} />
        </Collapsible.Content>
      </Collapsible.Root>
      {info?.demo === true && taskId !== "" && taskId !== info.demoTaskId && (
        <Notice tone="warn" icon={TriangleAlert}>
          <p>
            The scripted model knows the demo’s task alone and cannot work on this one. To launch it, set{" "}
            <code className="code">ANTHROPIC_API_KEY</code> in the server’s environment and start the server again.
          </p>
        </Notice>
      )}
      {launchError !== null && (refused === null || isFieldless) && (
        <Notice tone="bad" icon={TriangleAlert}>
          <p role="alert">Not launched. {describeError(launchError)}</p>
        </Notice>
      )}
      <div>
        <Button type="submit" tone="primary" busy={launch.isPending || launchBatch.isPending} className={wide ? "" : "w-full"}>
          <Play aria-hidden className="size-3.5" /> {label}
          {runs !== null && ` ${plural(runs, "run")}`}
        </Button>
      </div>
    </form>
  );
};
