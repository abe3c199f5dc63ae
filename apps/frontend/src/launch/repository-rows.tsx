import { ADDITIONAL_REPOSITORIES_MAX } from "@ccr/protocol";
import { Plus, X } from "lucide-react";
import { useId, useLayoutEffect, useRef, useState } from "react";
import { Button, IconButton } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Field, TextInput } from "../ui/field.tsx";
import { plural } from "../ui/format.ts";
import { RefInput } from "./ref-input.tsx";
import { addRepository, type RepositoryDraft, repositoryField } from "./repositories-draft.ts";
import { RepositoryInput } from "./repository-input.tsx";

type Parts = Omit<RepositoryDraft, "key">;

/** The folder of a repository; `name` is what it is called when nothing is written here. */
export const DirectoryField = ({
  value,
  name,
  error,
  onChange,
}: {
  value: string;
  name: string;
  error: string | undefined;
  onChange: (value: string) => void;
}) => (
  <Field label="Folder" error={error}>
    {(parts) => (
      <TextInput
        {...parts}
        placeholder={name}
        autoCapitalize="off"
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    )}
  </Field>
);

const Row = ({
  id,
  row,
  index,
  directory,
  wide,
  problemOf,
  onChange,
  onRemove,
}: {
  id: string;
  row: RepositoryDraft;
  index: number;
  directory: string;
  wide: boolean;
  problemOf: (field: string) => string | undefined;
  onChange: (part: keyof Parts, text: string) => void;
  onRemove: () => void;
}) => {
  const number = index + 2;
  return (
    <li id={id} className="rounded-lg border border-line">
      <fieldset className="relative min-w-0 px-3 pb-3">
        {/* Only a legend that is a child of its group names it. */}
        <legend className="float-left py-2 text-xs font-semibold">Repository {number}</legend>
        <IconButton
          id={`${id}-remove`}
          label={`Remove repository ${number}`}
          className="absolute top-1 right-1.5"
          onClick={onRemove}
        >
          <X aria-hidden className="size-3.5" />
        </IconButton>
        <div className={classes("clear-both grid gap-3", wide && "sm:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)_minmax(0,1fr)]")}>
          <Field label="Repository" error={problemOf(repositoryField(index, "repository"))}>
            {(parts) => <RepositoryInput {...parts} value={row.repository} onChange={(text) => onChange("repository", text)} />}
          </Field>
          <Field label="Branch, tag or commit" error={problemOf(repositoryField(index, "ref"))}>
            {(parts) => (
              <RefInput {...parts} repository={row.repository} value={row.ref} onChange={(text) => onChange("ref", text)} />
            )}
          </Field>
          <DirectoryField
            value={row.directory}
            name={directory}
            error={problemOf(repositoryField(index, "directory"))}
            onChange={(text) => onChange("directory", text)}
          />
        </div>
      </fieldset>
    </li>
  );
};

/**
 * The repositories beside the first one. `directories` are the names that their folders have by themselves.
 */
export const RepositoryRows = ({
  rows,
  directories,
  wide,
  problemOf,
  onChange,
}: {
  rows: readonly RepositoryDraft[];
  directories: readonly string[];
  wide: boolean;
  problemOf: (field: string) => string | undefined;
  onChange: (rows: RepositoryDraft[]) => void;
}) => {
  const id = useId();
  const focusAfter = useRef<string | null>(null);
  const [announced, setAnnounced] = useState("");
  const idOf = ({ key }: RepositoryDraft): string => `${id}-${key}`;
  const isFull = rows.length >= ADDITIONAL_REPOSITORIES_MAX;

  const add = (): void => {
    const next = addRepository(rows);
    const last = next.at(-1);
    if (last !== undefined) focusAfter.current = idOf(last);
    setAnnounced("");
    onChange(next);
  };
  const remove = (index: number): void => {
    const next = rows.filter((_, other) => other !== index);
    const neighbour = next[index] ?? next.at(-1);
    focusAfter.current = neighbour === undefined ? `${id}-add` : `${idOf(neighbour)}-remove`;
    setAnnounced(`Repository ${index + 2} removed; ${plural(next.length + 1, "repository", "repositories")} left`);
    onChange(next);
  };

  // A new one is written at once; where one is removed, the next one is near.
  useLayoutEffect(() => {
    if (focusAfter.current === null) return;
    const element = document.getElementById(focusAfter.current);
    focusAfter.current = null;
    if (element instanceof HTMLLIElement) element.querySelector("input")?.focus();
    else element?.focus();
  });

  return (
    <div className="flex min-w-0 flex-col gap-3">
      {rows.length > 0 && (
        <>
          <p className="text-xs text-pretty text-ink-soft">
            They are checked out side by side, each in a folder of the workspace; Claude Code and the checks start in the
            workspace above them.
          </p>
          <ul className="flex flex-col gap-3">
            {rows.map((row, index) => (
              <Row
                key={row.key}
                id={idOf(row)}
                row={row}
                index={index}
                directory={directories[index] ?? ""}
                wide={wide}
                problemOf={problemOf}
                onChange={(part, text) => onChange(rows.map((other) => (other === row ? { ...row, [part]: text } : other)))}
                onRemove={() => remove(index)}
              />
            ))}
          </ul>
        </>
      )}
      <p className="sr-only" aria-live="polite">
        {announced}
      </p>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Button id={`${id}-add`} size="sm" disabled={isFull} onClick={add}>
          <Plus aria-hidden className="size-3.5" /> Add a repository
        </Button>
        {isFull && <p className="text-xs text-ink-faint">A run has at most {ADDITIONAL_REPOSITORIES_MAX + 1} repositories.</p>}
      </div>
    </div>
  );
};
