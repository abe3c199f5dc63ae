import { useQuery } from "@tanstack/react-query";
import { useApi } from "../api/client.ts";
import { Field, GrowingTextArea, TextInput } from "../ui/field.tsx";
import { FindRepositories } from "./find-repositories.tsx";
import type { LaunchDraft } from "./launch-draft.ts";
import { NOT_SEVERAL, type SeveralDraft } from "./several-draft.ts";

/** Other tasks, whose prompts compete with the launch's own. */
const OtherTasks = ({
  taskId,
  chosen,
  onChange,
}: {
  taskId: string;
  chosen: readonly string[];
  onChange: (taskIds: string[]) => void;
}) => {
  const { trpc } = useApi();
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  const others = (tasks.data ?? []).filter(({ id }) => id !== taskId);
  if (others.length === 0) return null;
  return (
    <fieldset className="flex min-w-0 flex-col gap-1.5">
      <legend className="mb-1.5 text-xs font-medium text-ink-soft">Further tasks, as other prompts</legend>
      <ul className="flex max-h-36 flex-col gap-1 overflow-y-auto rounded-md border border-line p-2">
        {others.map(({ id, name }) => (
          <li key={id}>
            <label className="flex items-start gap-2">
              <input
                type="checkbox"
                className="mt-0.5 size-4 shrink-0 accent-accent"
                checked={chosen.includes(id)}
                onChange={({ target }) => onChange(target.checked ? [...chosen, id] : chosen.filter((one) => one !== id))}
              />
              <span className="min-w-0 [overflow-wrap:anywhere]">{name}</span>
            </label>
          </li>
        ))}
      </ul>
    </fieldset>
  );
};

/** What makes of a launch many: more repositories, several tries, other models and prompts. */
export const SeveralFields = ({
  draft,
  taskId,
  onChange,
  problemOf,
}: {
  draft: LaunchDraft;
  taskId: string;
  onChange: (several: SeveralDraft) => void;
  problemOf: (field: string) => string | undefined;
}) => {
  const several = draft.several ?? NOT_SEVERAL;
  const set = (next: Partial<SeveralDraft>): void => onChange({ ...several, ...next });
  return (
    <>
      <Field
        label="Further repositories, one per line"
        error={problemOf("repositories")}
        hint="All from the same branch, tag or commit, when one is given."
      >
        {(parts) => (
          <GrowingTextArea
            {...parts}
            mono
            value={several.repositories}
            onChange={({ target }) => set({ repositories: target.value })}
          />
        )}
      </Field>
      <FindRepositories
        onFound={(found) => {
          const listed = several.repositories.split("\n").map((line) => line.trim());
          const fresh = found.filter((repository) => !listed.includes(repository) && repository !== draft.repository.trim());
          set({ repositories: [...listed.filter((line) => line !== ""), ...fresh].join("\n") });
        }}
      />
      <Field label="Further models, one per line" error={problemOf("models")} hint="Each works on every repository.">
        {(parts) => (
          <GrowingTextArea {...parts} mono value={several.models} onChange={({ target }) => set({ models: target.value })} />
        )}
      </Field>
      <OtherTasks taskId={taskId} chosen={several.taskIds} onChange={(taskIds) => set({ taskIds })} />
      <Field label="Runs for each of them" error={problemOf("attempts")} hint="Compare them, and choose one.">
        {(parts) => (
          <TextInput
            {...parts}
            inputMode="numeric"
            placeholder="1"
            value={several.attempts}
            onChange={({ target }) => set({ attempts: target.value })}
          />
        )}
      </Field>
      <Field label="At most at once" error={problemOf("maxConcurrent")} hint="The others wait for their turn.">
        {(parts) => (
          <TextInput
            {...parts}
            inputMode="numeric"
            placeholder="as many as the server takes"
            value={several.atOnce}
            onChange={({ target }) => set({ atOnce: target.value })}
          />
        )}
      </Field>
    </>
  );
};
