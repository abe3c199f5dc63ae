import { isFinal, type Question, type RunView, setsUpAlone, type WorkspaceDiff } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  ArrowDown,
  ArrowUp,
  BookmarkPlus,
  CircleStop,
  Download,
  MessageCircleQuestion,
  OctagonPause,
  PanelTop,
  RotateCw,
  SendHorizontal,
} from "lucide-react";
import { useMemo, useRef } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { storeDraftOfRun } from "../../launch/draft-of-run.ts";
import { type PageAction, usePageActions } from "../../palette/actions.ts";
import { useSaveAsTask } from "../../tasks/save-as-task.tsx";
import { downloadFrom } from "../../ui/download.ts";
import { useToasts } from "../../ui/toast.tsx";
import { keptFiles } from "../changes/kept-files.ts";
import { canMove, usePriority, WAYS } from "../priority-buttons.tsx";
import { TABS } from "../tabs.ts";
import { useTalk } from "../talk/use-talk.ts";
import { EXPORTS } from "../transcript/exports.ts";
import { useRetry } from "../use-retry.ts";
import { CANCEL_QUESTION, useCancel } from "./use-cancel.ts";

const LOOK_EVERY_MS = 50;
const LOOKED_FOR_MS = 5000;

/** Brings the keyboard to something of the page as soon as it is there, and what closes has given it back. */
const focusSoon = (selector: string): void => {
  const until = performance.now() + LOOKED_FOR_MS;
  const look = (): void => {
    const found = document.querySelector<HTMLElement>(selector);
    found?.focus();
    found?.scrollIntoView({ block: "nearest" });
    if (found === null && performance.now() < until) setTimeout(look, LOOK_EVERY_MS);
  };
  setTimeout(look, LOOK_EVERY_MS);
};

const questionLabel = ({ kind, toolName }: Question): string => {
  switch (kind) {
    case "permission":
      return `Go to what waits: may it use ${toolName ?? "a tool"}?`;
    case "plan":
      return "Go to what waits: Claude Code’s plan";
    case "choice":
      return "Go to what waits: Claude Code’s question";
    case "interrupted":
      return "Go to what waits: Claude Code was interrupted";
  }
};

/** The files that can be had of a run now; of its work none when it is known that nothing was changed. */
const downloadsOf = (run: RunView, diff: WorkspaceDiff | undefined, onFailed: (error: unknown) => void): PageAction[] => {
  const hasWork = run.baseCommit !== null && (diff === undefined || diff.files.length > 0);
  return [
    ...(hasWork ? keptFiles(run) : []).map(({ key, label, href }) => ({
      id: `download ${key}`,
      label: `Download the ${label}`,
      href,
    })),
    ...(run.lastSeq === 0 ? [] : EXPORTS).map(({ file, label }) => ({
      id: `download ${file}`,
      label: `Download the transcript: ${label}`,
      href: `/runs/${run.id}/${file}`,
    })),
  ].map(({ id, label, href }) => ({ id, label, icon: Download, run: () => void downloadFrom(href).catch(onFailed) }));
};

/** Offers in the palette what the run's page can do. It draws nothing. */
export const RunActions = ({ run }: { run: RunView }) => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  const toasts = useToasts();
  const cancel = useCancel(run.id);
  const { mutate: interrupt } = useTalk(run).interrupt;
  const { mutate: save } = useSaveAsTask();
  const { by: move } = usePriority();
  const { launch: retry } = useRetry();
  const { data: task, error } = useQuery(trpc.tasks.byId.queryOptions({ id: run.taskId }, { staleTime: 30_000 }));
  const isTaskGone = statusOf(error) === 404;
  const isSetUp = setsUpAlone(run);
  const acts = { cancel, interrupt, save, move, retry };
  // The list stays the same while these are made anew with each drawing.
  const held = useRef(acts);
  held.current = acts;
  const actions = useMemo((): PageAction[] => {
    const { id, taskId, status, questions } = run;
    const ended = isFinal(status);
    const isGoing = !ended && status !== "canceling";
    const toTab = (tab: (typeof TABS)[number]): Promise<void> =>
      navigate({ to: "/runs/$runId", params: { runId: id }, search: tab === "transcript" ? {} : { tab } });
    const toTalk = (selector: string): void => void toTab("transcript").then(() => focusSoon(selector));
    const [question] = ended ? [] : questions;
    return [
      ...(question === undefined
        ? []
        : [
            {
              id: "question",
              label: questionLabel(question),
              icon: MessageCircleQuestion,
              run: () => toTalk("[data-question]"),
            },
          ]),
      ...(status === "canceling" || isSetUp
        ? []
        : [
            {
              id: "say",
              label: ended ? "Go on from here: say what is to be done next" : "Say something to Claude Code",
              icon: SendHorizontal,
              run: () => toTalk("#say"),
            },
          ]),
      ...(status === "running"
        ? [{ id: "interrupt", label: "Interrupt Claude Code", icon: OctagonPause, run: () => held.current.interrupt({ id }) }]
        : []),
      ...(status === "queued" ? WAYS : [])
        .filter(({ by }) => canMove(run, by))
        .map(({ label, by }) => ({
          id: `priority ${label}`,
          label: `Start it ${label.toLowerCase()}`,
          icon: by > 0 ? ArrowUp : ArrowDown,
          run: () => held.current.move(run, by),
        })),
      ...(isGoing
        ? [
            {
              id: "cancel",
              label: "Cancel the run",
              icon: CircleStop,
              confirm: CANCEL_QUESTION,
              run: () => held.current.cancel(),
            },
          ]
        : []),
      ...(ended && !isTaskGone && !isSetUp
        ? [
            {
              id: "launch again",
              label: "Launch again…",
              icon: RotateCw,
              run: () => {
                storeDraftOfRun(run, task?.defaults.limits);
                void navigate({ to: "/tasks/$taskId", params: { taskId }, hash: "launch" });
              },
            },
          ]
        : []),
      ...(ended && (isTaskGone || isSetUp)
        ? [{ id: "launch again", label: "Launch again", icon: RotateCw, run: () => held.current.retry(id) }]
        : []),
      ...(task?.isQuick === true && !isSetUp
        ? [
            {
              id: "save as a task",
              label: "Save as a task",
              icon: BookmarkPlus,
              run: () => held.current.save({ id: task.id, name: task.name }),
            },
          ]
        : []),
      ...TABS.map((tab) => ({
        id: `tab ${tab}`,
        label: `Show the tab “${tab}”`,
        icon: PanelTop,
        run: () => void toTab(tab),
      })),
      ...downloadsOf(run, queries.getQueryData<WorkspaceDiff>([...trpc.runs.diff.queryKey({ id }), ended]), toasts.error),
    ];
  }, [toasts, run, task, isTaskGone, isSetUp, navigate, queries, trpc]);
  usePageActions(actions);
  return null;
};
