import { ChevronRight, Play, TriangleAlert } from "lucide-react";
import { Collapsible } from "radix-ui";
import { type KeyboardEvent, useLayoutEffect, useRef, useState } from "react";
import { describeError } from "../api/errors.ts";
import { useServerInfo } from "../api/server-info.ts";
import { EnvironmentField } from "../environments/environment-field.tsx";
import { problemsOfRefusal } from "../launch/launch-draft.ts";
import { newIdempotencyKey } from "../launch/launch-keys.ts";
import { LaunchOptions } from "../launch/launch-options.tsx";
import { RefInput } from "../launch/ref-input.tsx";
import { RepositoryInput, useKnownRepositories } from "../launch/repository-input.tsx";
import { ChecksExplained } from "../tasks/checks-explained.tsx";
import { Button } from "../ui/button.tsx";
import { useDraft } from "../ui/draft.ts";
import { Notice } from "../ui/feedback.tsx";
import { Checkbox, Field, GrowingTextArea } from "../ui/field.tsx";
import { ComposerDraft, emptyComposer, hasOptions, isOption, validateComposer } from "./composer-draft.ts";
import { useStart } from "./use-start.ts";

const DRAFT_KEY = "ccr.draft.composer";
const noProblems: ReadonlyMap<string, string> = new Map();
const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** Starts a run from a few words. What was written is kept over a reload until the server has the run. */
export const Composer = () => {
  const info = useServerInfo();
  const known = useKnownRepositories();
  const [stored, setDraft] = useDraft(DRAFT_KEY, ComposerDraft);
  const [fresh, setFresh] = useState(emptyComposer);
  const [problems, setProblems] = useState(noProblems);
  const [isOpen, setIsOpen] = useState(() => stored !== null && hasOptions(stored));
  const form = useRef<HTMLFormElement>(null);
  const start = useStart(() => {
    setFresh(emptyComposer());
    setDraft(null);
  });
  const shown = stored ?? fresh;
  const draft = { ...shown, repository: shown.repository ?? known?.[0]?.value ?? "" };
  const refused = start.error === null ? null : problemsOfRefusal(describeError(start.error));
  const problemOf = (field: string): string | undefined => problems.get(field) ?? refused?.get(field);
  const isRefused = refused !== null;

  useLayoutEffect(() => {
    if (problems.size > 0 || isRefused) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problems, isRefused]);

  /** A changed launch is another launch. */
  const change = (next: Partial<ComposerDraft>): void => {
    if (start.error !== null) start.reset();
    for (const field of Object.keys(next)) if (problems.has(field)) setProblems(noProblems);
    setDraft({ ...shown, ...next, idempotencyKey: newIdempotencyKey() });
  };
  const submit = (): void => {
    if (start.isPending) return;
    const checked = validateComposer(draft);
    setProblems(checked.ok ? noProblems : checked.problems);
    if (checked.ok) start.mutate(checked.input);
    else if ([...checked.problems.keys()].some(isOption)) setIsOpen(true);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  const roots = info?.localRepositoryRoots ?? [];
  return (
    <form
      ref={form}
      noValidate
      aria-label="Start a run"
      className="flex min-w-0 flex-col gap-4"
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Field label="What is Claude Code to do?" error={problemOf("prompt")}>
        {(parts) => (
          <GrowingTextArea
            {...parts}
            className="min-h-20 text-base"
            placeholder="Fix the failing test in the parser, and say why it failed."
            value={draft.prompt}
            onChange={({ target }) => change({ prompt: target.value })}
          />
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-[minmax(0,1.5fr)_minmax(0,1fr)]">
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
          {(parts) => (
            // A branch of another repository means nothing here.
            <RepositoryInput
              {...parts}
              value={draft.repository}
              onChange={(repository) =>
                change({ repository, ...(repository.trim() === draft.repository.trim() ? {} : { ref: "" }) })
              }
            />
          )}
        </Field>
        <Field label="Branch, tag or commit" error={problemOf("ref")}>
          {(parts) => <RefInput {...parts} repository={draft.repository} value={draft.ref} onChange={(ref) => change({ ref })} />}
        </Field>
      </div>
      <Collapsible.Root open={isOpen} onOpenChange={setIsOpen}>
        <Collapsible.Trigger className="group flex min-h-6 items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
          <ChevronRight aria-hidden className="size-3.5 transition-transform group-data-[state=open]:rotate-90" />
          Checks, result and limits
        </Collapsible.Trigger>
        <Collapsible.Content className="flex flex-col gap-4 pt-4">
          <div className="flex flex-col gap-2">
            <Field label="Checks" error={problemOf("checks")}>
              {(parts) => (
                <GrowingTextArea
                  {...parts}
                  mono
                  placeholder="$ npm test"
                  value={draft.checks}
                  onChange={({ target }) => change({ checks: target.value })}
                />
              )}
            </Field>
            <ChecksExplained checks={draft.checks} onChange={(checks) => change({ checks })} />
          </div>
          <Checkbox
            label="A question: it may change nothing"
            hint="Without this, a run that changes no file of the repository counts as failed."
            checked={draft.allowNoChanges}
            onChange={(allowNoChanges) => change({ allowNoChanges })}
          />
          <div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
            <EnvironmentField
              value={draft.environmentId}
              unset="The repository’s, if it has one"
              none="None"
              error={problemOf("environmentId")}
              onChange={(environmentId) => change({ environmentId })}
            />
            <LaunchOptions
              draft={draft}
              deliveries={["nowhere", "branch", "pull_request"]}
              problems={problems}
              problemOf={problemOf}
              wide
              onChange={change}
            />
          </div>
        </Collapsible.Content>
      </Collapsible.Root>
      {info?.demo === true && (
        <Notice tone="warn" icon={TriangleAlert}>
          <p>
            The scripted model knows the demo’s task alone and cannot do what you write. For your own work, set{" "}
            <code className="code">ANTHROPIC_API_KEY</code> in the server’s environment and start the server again.
          </p>
        </Notice>
      )}
      {start.isPending && start.failureCount > 0 && (
        <p role="status" className="text-xs text-ink-soft">
          No answer yet. Asking again; it will not start twice.
        </p>
      )}
      {start.error !== null && refused === null && (
        <Notice tone="bad" icon={TriangleAlert}>
          <p role="alert">Not started. {describeError(start.error)} What you wrote is kept.</p>
        </Notice>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <Button type="submit" tone="primary" busy={start.isPending}>
          <Play aria-hidden className="size-3.5" /> Start
        </Button>
        <span className="hidden text-xs text-ink-faint sm:inline">
          <kbd className="rounded border border-line bg-sunken px-1 font-sans">{isApple ? "⌘" : "Ctrl"}</kbd>{" "}
          <kbd className="rounded border border-line bg-sunken px-1 font-sans">Enter</kbd> starts it
        </span>
      </div>
    </form>
  );
};
