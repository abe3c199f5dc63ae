import type { CleanUpInput, CleanUpKind, RetentionRules } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { Dialog } from "radix-ui";
import { type FormEvent, useState } from "react";
import { useApi } from "../api/client.ts";
import { Button, buttonClasses } from "../ui/button.tsx";
import { TextInput } from "../ui/field.tsx";
import { useToasts } from "../ui/toast.tsx";
import { cleanUpSentence } from "./disk-words.ts";

type Choice = { kind: CleanUpKind; label: string; unit: string; hint: string; least: number; fallback: number; chosen: boolean };

const CHOICES: readonly Choice[] = [
  {
    kind: "mirrors",
    label: "Mirrors not used for",
    unit: "days",
    hint: "They are fetched anew when a run wants them.",
    least: 0,
    fallback: 7,
    chosen: true,
  },
  {
    kind: "setups",
    label: "What set-ups left, not used for",
    unit: "days",
    hint: "The next run with the environment sets it up anew.",
    least: 0,
    fallback: 7,
    chosen: true,
  },
  {
    kind: "images",
    label: "Images but for the newest",
    unit: "",
    hint: "An older one is built anew when it is wanted.",
    least: 1,
    fallback: 1,
    chosen: true,
  },
  {
    kind: "work",
    label: "Kept work of runs that ended before",
    unit: "days",
    hint: "Their patches and bundles can then not be downloaded any more; the transcripts stay.",
    least: 0,
    fallback: 30,
    chosen: false,
  },
  {
    kind: "runs",
    label: "Runs that ended before",
    unit: "days",
    hint: "With their transcripts and all that is kept of them. This cannot be taken back.",
    least: 0,
    fallback: 90,
    chosen: false,
  },
];

const RULE_OF = { runs: "runsDays", work: "workDays", mirrors: "mirrorsDays", setups: "setupsDays", images: "images" } as const;
type Draft = Record<CleanUpKind, { chosen: boolean; number: string }>;

const draftOf = (rules: RetentionRules | null): Draft => {
  const of = ({ kind, fallback, chosen }: Choice) => ({
    chosen,
    number: String(Math.min(rules?.[RULE_OF[kind]] ?? fallback, fallback)),
  });
  const [mirrors, setups, images, work, runs] = CHOICES.map(of);
  const none = { chosen: false, number: "" };
  return { mirrors: mirrors ?? none, setups: setups ?? none, images: images ?? none, work: work ?? none, runs: runs ?? none };
};

const isWhole = (text: string, least: number): boolean => /^\d{1,5}$/.test(text) && Number(text) >= least;

/** A button, and the question what is to go. Nothing that an unfinished run needs ever goes, whatever is asked. */
export const CleanUp = ({ rules, hasImages }: { rules: RetentionRules | null; hasImages: boolean }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const [isOpen, setOpen] = useState(false);
  const [draft, setDraft] = useState<Draft>(() => draftOf(null));
  const cleanUp = useMutation(
    trpc.server.cleanUp.mutationOptions({
      onSuccess: (result) => {
        setOpen(false);
        toasts.ok(cleanUpSentence(result));
        for (const problem of result.problems) toasts.error(new Error(problem));
      },
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.server.disk.queryKey() }),
    }),
  );
  const choices = CHOICES.filter(({ kind }) => kind !== "images" || hasImages);
  const chosen = choices.filter(({ kind }) => draft[kind].chosen);
  const isRight = chosen.every(({ kind, least }) => isWhole(draft[kind].number, least));
  const what = chosen.map(({ kind }): CleanUpInput["what"][number] => {
    const number = Number(draft[kind].number);
    return kind === "images" ? { kind, keep: number } : { kind, olderThanDays: number };
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isRight && what.length > 0) cleanUp.mutate({ what });
  };
  const change = (kind: CleanUpKind, part: Partial<Draft[CleanUpKind]>): void =>
    setDraft((old) => ({ ...old, [kind]: { ...old[kind], ...part } }));
  return (
    <Dialog.Root
      open={isOpen}
      onOpenChange={(open) => {
        if (open) setDraft(draftOf(rules));
        setOpen(open);
      }}
    >
      <Dialog.Trigger className={buttonClasses("secondary")}>
        <Trash2 aria-hidden className="size-3.5" /> Clean up
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.45)] data-[state=open]:animate-appear" />
        <Dialog.Content
          aria-modal
          className="fixed top-1/2 left-1/2 z-50 max-h-[calc(100vh-2rem)] w-[min(32rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-float"
        >
          <form onSubmit={submit} className="flex flex-col gap-4">
            <div className="flex flex-col gap-1">
              <Dialog.Title className="text-base font-semibold">Make room now</Dialog.Title>
              <Dialog.Description className="text-pretty text-ink-soft">
                What a run needs that has not ended always stays.
              </Dialog.Description>
            </div>
            <fieldset className="flex flex-col gap-3.5">
              <legend className="sr-only">What is to be removed</legend>
              {choices.map(({ kind, label, unit, hint, least }) => {
                const { chosen: isChosen, number } = draft[kind];
                const wrong = isChosen && !isWhole(number, least);
                return (
                  <div key={kind} className="flex flex-col gap-1">
                    <div className="flex items-center gap-2.5">
                      <input
                        type="checkbox"
                        id={`clean-${kind}`}
                        aria-describedby={`clean-${kind}-hint`}
                        checked={isChosen}
                        onChange={({ target }) => change(kind, { chosen: target.checked })}
                        className="size-4 shrink-0 accent-accent"
                      />
                      <label htmlFor={`clean-${kind}`} className="min-w-0 flex-1">
                        {label}
                      </label>
                      <span className="w-16 shrink-0">
                        <TextInput
                          inputMode="numeric"
                          aria-label={unit === "" ? `${label}: how many` : `${label}: ${unit}`}
                          aria-invalid={wrong || undefined}
                          disabled={!isChosen}
                          value={number}
                          onChange={({ target }) => change(kind, { number: target.value.trim() })}
                          className="nums text-right disabled:opacity-50"
                        />
                      </span>
                      <span className="w-8 shrink-0 text-xs text-ink-faint">{unit}</span>
                    </div>
                    <p id={`clean-${kind}-hint`} className="pl-6.5 text-xs text-pretty text-ink-faint">
                      {hint}
                    </p>
                    {wrong && (
                      <p role="alert" className="pl-6.5 text-xs text-bad">
                        Give a whole number from {least} on.
                      </p>
                    )}
                  </div>
                );
              })}
            </fieldset>
            <div className="flex justify-end gap-2">
              <Dialog.Close className={buttonClasses("secondary")}>Keep everything</Dialog.Close>
              <Button type="submit" tone="danger" busy={cleanUp.isPending} disabled={!isRight || what.length === 0}>
                Remove
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
};
