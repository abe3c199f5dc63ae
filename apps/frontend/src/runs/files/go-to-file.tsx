import type { Run } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { File } from "lucide-react";
import { type KeyboardEvent, useDeferredValue, useMemo, useState } from "react";
import { useApi } from "../../api/client.ts";
import { describeError } from "../../api/errors.ts";
import { Button } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { Field, TextInput } from "../../ui/field.tsx";
import { Option, useOptions } from "../../ui/options.tsx";
import { HITS_MOST, type Hit, type Piece, searchIn } from "./find-file.ts";
import { shownName } from "./names.ts";

// While the agent works, files come and go.
const FRESH_MS = 5000;

const NONE: readonly string[] = [];

/** The names of all files of a run's workspace, read when somebody wants to find one. */
const useFound = ({ run, text, isWanted, ended }: { run: Run; text: string; isWanted: boolean; ended: boolean }) => {
  const { trpc, client } = useApi();
  const listed = useQuery({
    queryKey: [...trpc.files.paths.queryKey({ runId: run.id }), ended],
    queryFn: ({ signal }) => client.files.paths.query({ runId: run.id }, { signal }),
    enabled: isWanted,
    retry: false,
    staleTime: ended ? Number.POSITIVE_INFINITY : FRESH_MS,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
  });
  const { data } = listed;
  const find = useMemo(() => searchIn(data?.paths ?? NONE), [data]);
  const found = useMemo(() => find(text), [find, text]);
  return { ...found, find, listed };
};

const Marked = ({ pieces }: { pieces: readonly Piece[] }) =>
  pieces.map(({ text, isHit, at }) =>
    isHit ? (
      <mark key={at} className="bg-transparent font-semibold text-accent">
        {text}
      </mark>
    ) : (
      text
    ),
  );

const statusOf = ({ hits, total, listed }: ReturnType<typeof useFound>): string => {
  if (listed.data === undefined) return listed.error === null ? "Reading the names of the files…" : describeError(listed.error);
  const part = listed.data.truncated ? " There are more files than are searched here." : "";
  if (hits.length === 0) return `No file fits this. Files that git ignores are not among those searched.${part}`;
  return total > hits.length ? `The best ${HITS_MOST} of ${total.toLocaleString("en")} are shown.${part}` : part.trim();
};

/** A field that finds a file by some letters of its path. While there is something in it, what fits stands in the place of `children`. */
export const GoToFile = ({
  run,
  ended,
  onOpen,
  children,
}: {
  run: Run;
  ended: boolean;
  onOpen: (path: string) => void;
  children: React.ReactNode;
}) => {
  const [text, setText] = useState("");
  const [isWanted, setWanted] = useState(false);
  // Writing goes on while a long list is looked through.
  const found = useFound({ run, text: useDeferredValue(text), isWanted: isWanted || text !== "", ended });
  const { hits, listed } = found;
  const isFinding = text.trim() !== "";
  const { list, current, currentId, reset, onArrow, at } = useOptions(hits.length, 0);
  const status = isFinding ? statusOf(found) : "";

  const write = (next: string): void => {
    setText(next);
    reset();
    if (next !== "" && listed.isStale) void listed.refetch({ cancelRefetch: false });
  };
  const open = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    onOpen(hit.path);
    write("");
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (!isFinding || event.nativeEvent.isComposing) return;
    if (event.key === "Escape") write("");
    // What is shown may be behind what was written.
    else if (event.key === "Enter") open(found.find(text).hits[Math.max(current, 0)]);
    else if (!onArrow(event)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <Field label="Go to file" hideLabel className="border-b border-line p-1.5">
        {(parts) => (
          <TextInput
            {...parts}
            type="search"
            role="combobox"
            aria-autocomplete="list"
            aria-expanded={isFinding && hits.length > 0}
            aria-controls={isFinding && hits.length > 0 ? list : undefined}
            aria-activedescendant={isFinding ? currentId : undefined}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            placeholder="Go to file"
            className="h-7 text-xs"
            value={text}
            onFocus={() => setWanted(true)}
            onBlur={() => setWanted(false)}
            onChange={({ target }) => write(target.value)}
            onKeyDown={onKeyDown}
          />
        )}
      </Field>
      {isFinding ? (
        <div className="min-h-0 flex-1 overflow-y-auto p-1">
          {hits.length > 0 && (
            <div id={list} role="listbox" aria-label="Files that fit">
              {hits.map((hit, index) => (
                <Option
                  key={hit.path}
                  {...at(index)}
                  title={shownName(hit.path)}
                  onChoose={() => open(hit)}
                  className="items-start"
                >
                  <File aria-hidden className="mt-0.5 size-3.5 shrink-0 text-ink-faint" />
                  <span className="min-w-0">
                    <span className="block [overflow-wrap:anywhere]">
                      <Marked pieces={hit.name} />
                    </span>
                    {hit.folder.length > 0 && (
                      <span className="block text-2xs [overflow-wrap:anywhere] text-ink-faint">
                        <Marked pieces={hit.folder} />
                      </span>
                    )}
                  </span>
                </Option>
              ))}
            </div>
          )}
          <p
            role="status"
            className={classes(
              "px-3 py-1 text-xs text-pretty [overflow-wrap:anywhere]",
              listed.error !== null && listed.data === undefined ? "text-bad" : "text-ink-faint",
            )}
          >
            {status}
          </p>
          {listed.error !== null && listed.data === undefined && (
            <Button size="sm" className="mx-3" busy={listed.isFetching} onClick={() => listed.refetch()}>
              Try again
            </Button>
          )}
        </div>
      ) : (
        children
      )}
    </>
  );
};
