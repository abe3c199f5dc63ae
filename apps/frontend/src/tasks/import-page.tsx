import { freeName, IMPORT_CHOICES, type ImportChoice, type ImportedTask, type TaskFile } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, CircleAlert, CircleCheck, FileUp, TriangleAlert } from "lucide-react";
import { useId, useMemo, useRef, useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError } from "../api/errors.ts";
import { Button, buttonClasses } from "../ui/button.tsx";
import { Notice } from "../ui/feedback.tsx";
import { Field, GrowingTextArea, Select } from "../ui/field.tsx";
import { plural } from "../ui/format.ts";
import { Card, Page, Section } from "../ui/layout.tsx";
import { useToasts } from "../ui/toast.tsx";
import { type FileProblem, readTaskFile } from "./import-file.ts";
import { invalidateTasks } from "./invalidate.ts";

// Below what the server takes in one request.
const FILE_MAX_BYTES = 32 * 1024 * 1024;

const CHOICE_LABELS: Record<ImportChoice, string> = {
  copy: "Make a copy",
  replace: "Replace it",
  skip: "Leave it out",
};

const Problems = ({ problems }: { problems: readonly FileProblem[] }) => (
  <Notice tone="bad" icon={CircleAlert}>
    <div role="alert" className="flex flex-col gap-1.5">
      <p className="font-medium">Nothing can be imported yet: {plural(problems.length, "problem")}.</p>
      <ul className="flex flex-col gap-1">
        {problems.map(({ line, column, where, message }) => (
          <li key={`${line} ${column} ${where} ${message}`}>
            <span className="nums text-ink-soft">Line {line}: </span>
            {where !== "" && (
              <>
                <code className="code">{where}</code>{" "}
              </>
            )}
            {message}
          </li>
        ))}
      </ul>
    </div>
  </Notice>
);

const Preview = ({
  file,
  counts,
  choices,
  onChoose,
}: {
  file: TaskFile;
  /** How many tasks of each name there are already. */
  counts: ReadonlyMap<string, number>;
  choices: Readonly<Record<string, ImportChoice>>;
  onChoose: (name: string, choice: ImportChoice) => void;
}) => {
  const taken = new Set(counts.keys());
  return (
    <ul className="divide-y divide-line" aria-label="Tasks in the file">
      {file.tasks.map((task, index) => {
        const there = counts.get(task.name) ?? 0;
        const choice = choices[task.name] ?? "copy";
        const name = freeName(task.name, taken);
        if (there === 0 || choice === "copy") taken.add(name);
        const parameters = task.parameters?.length ?? 0;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the tasks of one file never change
          <li key={index} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
            <div className="min-w-0 flex-1 basis-60">
              <p className="font-medium [overflow-wrap:anywhere]">{task.name}</p>
              <p className="text-xs text-ink-faint">
                {plural(task.steps.length, "step")}
                {parameters > 0 && ` · ${plural(parameters, "parameter")}`}
                {task.defaults?.repository != null && ` · ${task.defaults.repository}`}
                {task.environment != null && ` · environment ${task.environment}`}
              </p>
              {there > 0 && (
                <p className="text-xs text-warn">
                  {there === 1 ? "A task of this name is there already." : `${there} tasks of this name are there already.`}
                  {choice === "copy" && ` This one becomes “${name}”.`}
                  {choice === "replace" && " What is there stays in its history."}
                </p>
              )}
              {there === 0 && name !== task.name && (
                <p className="text-xs text-warn">The file has this name twice: it becomes “{name}”.</p>
              )}
            </div>
            {there > 0 && (
              <Select
                aria-label={`What becomes of ${task.name}`}
                className="sm:w-40"
                value={choice}
                onChange={({ target }) => {
                  const next = IMPORT_CHOICES.find((each) => each === target.value);
                  if (next !== undefined) onChoose(task.name, next);
                }}
              >
                {IMPORT_CHOICES.filter((each) => each !== "replace" || there === 1).map((each) => (
                  <option key={each} value={each}>
                    {CHOICE_LABELS[each]}
                  </option>
                ))}
              </Select>
            )}
          </li>
        );
      })}
    </ul>
  );
};

/** What came of an import that could not take over everything. */
const Imported = ({ tasks }: { tasks: readonly ImportedTask[] }) => (
  <Section heading="Imported">
    <Card>
      <ul className="divide-y divide-line">
        {tasks.map(({ id, name, result, note }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: what was imported does not change
          <li key={index} className="flex flex-col gap-0.5 px-4 py-3">
            <span className="flex items-center gap-2">
              <CircleCheck aria-hidden className="size-3.5 shrink-0 text-ok" />
              {id === null ? (
                name
              ) : (
                <Link to="/tasks/$taskId" params={{ taskId: id }} className="rounded font-medium hover:underline">
                  {name}
                </Link>
              )}
              <span className="text-xs text-ink-faint">{result}</span>
            </span>
            {note !== null && <span className="text-xs text-warn">{note}</span>}
          </li>
        ))}
      </ul>
    </Card>
    <div>
      <Link to="/tasks" className={buttonClasses("primary")}>
        See all tasks
      </Link>
    </div>
  </Section>
);

const useImport = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const navigate = useNavigate();
  return useMutation(
    trpc.tasks.import.mutationOptions({
      onSuccess: async ({ tasks }) => {
        await invalidateTasks({ trpc, queries });
        const done = tasks.filter(({ result }) => result !== "skipped").length;
        toasts.ok(done === 0 ? "Nothing was imported: all were left out." : `${plural(done, "task")} imported.`);
        // What could not be taken over stays to be read.
        if (tasks.every(({ note }) => note === null)) await navigate({ to: "/tasks" });
      },
    }),
  );
};

/** Where tasks come in from a file, or from what was pasted, after a look at them. */
export const ImportTasksPage = () => {
  const { trpc } = useApi();
  const [text, setText] = useState("");
  const [choices, setChoices] = useState<Record<string, ImportChoice>>({});
  const [unread, setUnread] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const inputId = useId();
  const overview = useQuery(trpc.tasks.overview.queryOptions());
  const counts = useMemo(() => {
    const byName = new Map<string, number>();
    for (const { name } of overview.data ?? []) byName.set(name, (byName.get(name) ?? 0) + 1);
    return byName;
  }, [overview.data]);
  const read = useMemo(() => (text.trim() === "" ? null : readTaskFile(text)), [text]);
  const take = useImport();
  const change = (next: string): void => {
    setText(next);
    setUnread(null);
    setChoices({});
    take.reset();
  };
  const open = async (file: File): Promise<void> => {
    if (file.size > FILE_MAX_BYTES) {
      setUnread(`${file.name} is larger than ${FILE_MAX_BYTES / 1024 / 1024} MB: export fewer tasks at once.`);
      return;
    }
    try {
      change(await file.text());
    } catch (error) {
      setUnread(`${file.name} cannot be read: ${describeError(error)}`);
    }
  };
  const notes = take.data?.tasks.some(({ note }) => note !== null) === true ? take.data.tasks : null;
  return (
    <Page
      title="Import tasks"
      heading="Import tasks"
      intro="From a file that “Export” made here or on another server. Nothing is stored before you have seen what is in it."
      width="max-w-3xl"
      back={
        <Link to="/tasks" className="inline-flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
          <ArrowLeft aria-hidden className="size-3.5" /> All tasks
        </Link>
      }
    >
      {notes !== null ? (
        <Imported tasks={notes} />
      ) : (
        <>
          {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is another way of choosing one */}
          <div
            className="flex flex-col gap-4"
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              event.preventDefault();
              const [file] = event.dataTransfer.files;
              if (file !== undefined) void open(file);
            }}
          >
            <div className="flex flex-wrap items-center gap-3 rounded-lg border border-dashed border-line-strong p-4">
              <input
                ref={input}
                id={inputId}
                type="file"
                accept=".json,application/json"
                className="sr-only"
                tabIndex={-1}
                aria-label="File with tasks"
                onChange={({ target }) => {
                  const file = target.files?.[0];
                  if (file !== undefined) void open(file);
                  // The same file, corrected, can be chosen once more.
                  target.value = "";
                }}
              />
              <Button onClick={() => input.current?.click()}>
                <FileUp aria-hidden className="size-3.5" /> Choose a file
              </Button>
              <p className="text-ink-soft">or drop it here, or paste its text below.</p>
            </div>
            <Field label="Text of the file" error={unread ?? undefined}>
              {(parts) => (
                <GrowingTextArea
                  {...parts}
                  mono
                  className="max-h-64!"
                  placeholder='{ "format": "claude-code-runner/tasks", … }'
                  value={text}
                  onChange={({ target }) => change(target.value)}
                />
              )}
            </Field>
          </div>
          {read?.ok === false && <Problems problems={read.problems} />}
          {read?.ok === true && (
            <Section heading={`${plural(read.file.tasks.length, "task")} in the file`}>
              <Card>
                <Preview
                  file={read.file}
                  counts={counts}
                  choices={choices}
                  onChoose={(name, choice) => setChoices({ ...choices, [name]: choice })}
                />
              </Card>
              {take.error !== null && (
                <Notice tone="bad" icon={TriangleAlert}>
                  <p role="alert">{describeError(take.error)}</p>
                </Notice>
              )}
              <div>
                <Button
                  tone="primary"
                  busy={take.isPending}
                  disabled={overview.data === undefined}
                  onClick={() => take.mutate({ file: read.file, existing: "copy", choices })}
                >
                  Import {plural(read.file.tasks.length, "task")}
                </Button>
              </div>
            </Section>
          )}
        </>
      )}
    </Page>
  );
};
