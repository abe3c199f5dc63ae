import { InputId, isFinal, type Run } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { type Client, useApi } from "../../api/client.ts";
import { afterShown, type Shown, showChanged } from "../../api/optimistic.ts";
import { useToasts } from "../../ui/toast.tsx";

/** Something that was said, as the server tells it. */
type Said = Awaited<ReturnType<Client["talk"]["list"]["query"]>>[number];

const LOOK_EVERY_MS = 2000;
const NOTHING_SHOWN: Shown = { takeBack: () => {}, keep: () => {} };

/** Whether the server tells of the same thing that was said here. */
const isSame = (one: Said["body"], other: Said["body"]): boolean => {
  if (one.kind === "prompt" && other.kind === "prompt") return one.text === other.text;
  if (one.kind === "answer" && other.kind === "answer") return one.questionId === other.questionId;
  return one.kind === other.kind;
};

/** All that was said to a run, kept up to date while it goes on, as it was last told. `isOld`: it could not be read since then. */
export const useInputs = (run: Pick<Run, "id" | "status">): { inputs: readonly Said[]; isOld: boolean; retry: () => void } => {
  const { trpc } = useApi();
  const isOver = isFinal(run.status);
  const query = useQuery(trpc.talk.list.queryOptions({ id: run.id }, { refetchInterval: isOver ? false : LOOK_EVERY_MS }));
  const { data, dataUpdatedAt, errorUpdatedAt, refetch } = query;
  // What waited until the end was not told.
  useEffect(() => {
    if (isOver) void refetch();
  }, [isOver, refetch]);
  // The error itself is gone while it is asked for again, every few seconds.
  return { inputs: data ?? [], isOld: errorUpdatedAt > dataUpdatedAt, retry: () => void refetch() };
};

/** What a person may say. Each shows at once, is taken back with its reason when the server refuses it, and is asked for anew when it is done. */
export const useTalk = ({ id, status }: Pick<Run, "id" | "status">) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const navigate = useNavigate();
  const inputsKey = trpc.talk.list.queryKey({ id });

  const show = (change: (inputs: readonly Said[]) => readonly Said[]) =>
    showChanged(queries, inputsKey, (inputs) => [...change(inputs ?? [])]);
  const after = (onRefused: (error: unknown) => void) =>
    afterShown(queries, [inputsKey, trpc.runs.byId.queryKey({ id })], onRefused);
  const showSaid = (body: Said["body"]): Shown => {
    const draft: Said = {
      id: InputId.parse(`input_${Date.now().toString(36).padStart(12, "0")}`),
      runId: id,
      body,
      state: "queued",
      revision: 0,
      createdAt: new Date().toISOString(),
    };
    const before = new Set((queries.getQueryData(inputsKey) ?? []).map((input) => input.id));
    // Once the server tells of it, it stands there by itself.
    return show((inputs) =>
      inputs.some((input) => !before.has(input.id) && isSame(input.body, body)) ? inputs : [...inputs, draft],
    );
  };

  return {
    say: useMutation(
      trpc.talk.say.mutationOptions({
        onMutate: ({ text }) => (isFinal(status) ? NOTHING_SHOWN : showSaid({ kind: "prompt", text: text.trim() })),
        onSuccess: async (result) => {
          if (result.kind === "queued") return;
          void queries.invalidateQueries({ queryKey: trpc.runs.list.queryKey() });
          await navigate({ to: "/runs/$runId", params: { runId: result.id } });
        },
        // Why is said where it was written, and stands there as long as what was written does.
        ...after(() => {}),
      }),
    ),
    edit: useMutation(
      trpc.talk.edit.mutationOptions({
        onMutate: ({ inputId, text }) =>
          show((inputs) =>
            inputs.map((input) =>
              input.id === inputId && input.state === "queued" ? { ...input, body: { kind: "prompt", text } } : input,
            ),
          ),
        ...after(toasts.error),
      }),
    ),
    withdraw: useMutation(
      trpc.talk.withdraw.mutationOptions({
        onMutate: ({ inputId }) => show((inputs) => inputs.filter((input) => input.id !== inputId)),
        ...after(toasts.error),
      }),
    ),
    interrupt: useMutation(
      trpc.talk.interrupt.mutationOptions({
        onMutate: () => showSaid({ kind: "interrupt" }),
        ...after(toasts.error),
      }),
    ),
    answer: useMutation(
      trpc.talk.answer.mutationOptions({
        onMutate: ({ questionId, answer }) => {
          // Only that it was answered is shown; what the answer was is told by the transcript.
          const shown = answer.kind === "choose" ? answer : { kind: "deny" as const, message: "" };
          return showSaid({ kind: "answer", questionId, answer: shown });
        },
        ...after(toasts.error),
      }),
    ),
    configure: useMutation(trpc.talk.configure.mutationOptions(after(toasts.error))),
  };
};
