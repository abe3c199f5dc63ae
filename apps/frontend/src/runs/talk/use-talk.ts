import { InputId, isFinal, type Run } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { type Client, useApi } from "../../api/client.ts";
import { useToasts } from "../../ui/toast.tsx";

/** Something that was said, as the server tells it. */
type Said = Awaited<ReturnType<Client["talk"]["list"]["query"]>>[number];

const LOOK_EVERY_MS = 2000;

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

  const change = async (next: (inputs: readonly Said[]) => readonly Said[]) => {
    await queries.cancelQueries({ queryKey: inputsKey });
    const before = queries.getQueryData(inputsKey);
    queries.setQueryData(inputsKey, (inputs) => [...next(inputs ?? [])]);
    return { before };
  };
  const takeBack = (context: { before: Said[] | undefined } | undefined): void => {
    if (context === undefined) return;
    // Where nothing was known before, nothing is known now.
    if (context.before === undefined) queries.removeQueries({ queryKey: inputsKey, exact: true });
    else queries.setQueryData(inputsKey, context.before);
  };
  const undo = (error: unknown, context: { before: Said[] | undefined } | undefined): void => {
    takeBack(context);
    toasts.error(error);
  };
  const settle = () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: inputsKey }),
      queries.invalidateQueries({ queryKey: trpc.runs.byId.queryKey({ id }) }),
    ]);
  const draftOf = (body: Said["body"]): Said => ({
    id: InputId.parse(`input_${Date.now().toString(36).padStart(12, "0")}`),
    runId: id,
    body,
    state: "queued",
    revision: 0,
    createdAt: new Date().toISOString(),
  });

  return {
    say: useMutation(
      trpc.talk.say.mutationOptions({
        onMutate: ({ text }) =>
          change((inputs) => (isFinal(status) ? inputs : [...inputs, draftOf({ kind: "prompt", text: text.trim() })])),
        // Why is said where it was written, and stands there as long as what was written does.
        onError: (_, __, context) => takeBack(context),
        onSuccess: async (result) => {
          if (result.kind === "queued") return;
          void queries.invalidateQueries({ queryKey: trpc.runs.list.queryKey() });
          await navigate({ to: "/runs/$runId", params: { runId: result.id } });
        },
        onSettled: settle,
      }),
    ),
    edit: useMutation(
      trpc.talk.edit.mutationOptions({
        onMutate: ({ inputId, text }) =>
          change((inputs) =>
            inputs.map((input) => (input.id === inputId ? { ...input, body: { kind: "prompt", text } } : input)),
          ),
        onError: (error, _, context) => undo(error, context),
        onSettled: settle,
      }),
    ),
    withdraw: useMutation(
      trpc.talk.withdraw.mutationOptions({
        onMutate: ({ inputId }) => change((inputs) => inputs.filter((input) => input.id !== inputId)),
        onError: (error, _, context) => undo(error, context),
        onSettled: settle,
      }),
    ),
    interrupt: useMutation(
      trpc.talk.interrupt.mutationOptions({
        onMutate: () => change((inputs) => [...inputs, draftOf({ kind: "interrupt" })]),
        onError: (error, _, context) => undo(error, context),
        onSettled: settle,
      }),
    ),
    answer: useMutation(
      trpc.talk.answer.mutationOptions({
        onMutate: ({ questionId, answer }) => {
          // Only that it was answered is shown; what the answer was is told by the transcript.
          const shown = answer.kind === "choose" ? answer : { kind: "deny" as const, message: "" };
          return change((inputs) => [...inputs, draftOf({ kind: "answer", questionId, answer: shown })]);
        },
        onError: (error, _, context) => undo(error, context),
        onSettled: settle,
      }),
    ),
    configure: useMutation(trpc.talk.configure.mutationOptions({ onError: toasts.error, onSettled: settle })),
  };
};
