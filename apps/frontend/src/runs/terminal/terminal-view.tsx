import type { Run, Shell } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Accessibility, Hourglass, Info, Plus, SquareTerminal, X } from "lucide-react";
import { Tabs } from "radix-ui";
import { useRef, useState } from "react";
import { useApi } from "../../api/client.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { Part } from "../../ui/error-boundary.tsx";
import { EmptyState, LoadError, Notice, Skeleton } from "../../ui/feedback.tsx";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { TabButton } from "../tab-button.tsx";
import { namedShells, outcomeWords, type Seen, sandboxPhase } from "./words.ts";

const ShellPanel = lazyPart(() => import("./shell-panel.tsx").then(({ ShellPanel }) => ShellPanel));

/** Shells that others opened are seen within this time. */
const LOOK_EVERY_MS = 5000;
const FIRST_SIZE = { cols: 100, rows: 30 };
const SCREEN_READER_KEY = "ccr.terminal.screen-reader";

const readScreenReader = (): boolean => {
  try {
    return localStorage.getItem(SCREEN_READER_KEY) === "1";
  } catch {
    return false;
  }
};

const Over = ({ run, children }: { run: Run; children: string }) => (
  <EmptyState
    icon={SquareTerminal}
    title="The run has ended, and its sandbox with it"
    action={<TabButton run={run} tab="changes" />}
  >
    {children}
  </EmptyState>
);

const CloseShell = ({ shell, name, onClose }: { shell: Shell; name: string; onClose: () => void }) => {
  const label = `Close ${name}`;
  const icon = <X aria-hidden className="size-4" />;
  if (shell.outcome !== null) {
    return (
      <IconButton label={label} onClick={onClose}>
        {icon}
      </IconButton>
    );
  }
  return (
    <Confirm
      trigger={<IconButton label={label}>{icon}</IconButton>}
      title={`Close ${name}?`}
      action="Close the shell"
      onConfirm={onClose}
    >
      What runs in it is ended. Its output is not kept.
    </Confirm>
  );
};

/** Shells in a run's sandbox, while there is one. */
export const TerminalView = ({ run }: { run: Run }) => {
  const { client, trpc, queries } = useApi();
  const toasts = useToasts();
  const phase = sandboxPhase(run);
  // What is open when the run ends can be read to the end.
  const [wasOverAtFirst] = useState(phase === "over");
  const [chosen, setChosen] = useState<string | null>(null);
  const [openedHere, setOpenedHere] = useState<string | null>(null);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const [screenReader, setScreenReader] = useState(readScreenReader);
  const [seen] = useState<Seen>(() => new Map());
  const newShell = useRef<HTMLButtonElement>(null);
  const tabs = useRef<HTMLDivElement>(null);
  const options = trpc.shells.list.queryOptions({ runId: run.id });
  const list = useQuery({ ...options, enabled: phase === "now", refetchInterval: LOOK_EVERY_MS });
  const refresh = () => queries.invalidateQueries({ queryKey: options.queryKey });
  const open = useMutation({
    mutationFn: () => client.shells.open.mutate({ runId: run.id, ...FIRST_SIZE }),
    onSuccess: (shell) => {
      queries.setQueryData(options.queryKey, (old) => [...(old ?? []), shell]);
      setOpenedHere(shell.id);
      setChosen(shell.id);
    },
    onError: (error) => toasts.error(error),
  });
  const dismiss = (id: string): void => setDismissed((old) => new Set(old).add(id));
  const close = async ({ id, outcome }: Shell): Promise<void> => {
    dismiss(id);
    newShell.current?.focus();
    if (phase === "over") return;
    try {
      await client.shells.close.mutate({ runId: run.id, shellId: id });
    } catch (error) {
      // One that has ended may be forgotten by now, which is what was wanted.
      if (outcome === null) {
        setDismissed((old) => new Set([...old].filter((each) => each !== id)));
        toasts.error(error);
      }
    }
    await refresh();
  };
  const leave = (): void => {
    const active = tabs.current?.querySelector("[role=tab][data-state=active]");
    if (active instanceof HTMLElement) active.focus();
  };
  const toggleScreenReader = (): void => {
    setScreenReader(!screenReader);
    try {
      localStorage.setItem(SCREEN_READER_KEY, screenReader ? "0" : "1");
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  };

  if (phase === "before") {
    return (
      <EmptyState icon={Hourglass} title="There is no sandbox yet" action={<TabButton run={run} tab="transcript" />}>
        A shell can be opened here as soon as the run is running.
      </EmptyState>
    );
  }
  if (wasOverAtFirst) return <Over run={run}>Its work is under Changes, and its files are under Files.</Over>;
  if (list.data === undefined && phase === "now") {
    return list.error === null ? <Skeleton rows={6} /> : <LoadError error={list.error} onRetry={() => list.refetch()} />;
  }
  const shells = namedShells(list.data ?? [], { seen, dismissed });
  const shown =
    shells.find(({ shell }) => shell.id === chosen) ?? shells.findLast(({ shell }) => shell.outcome === null) ?? shells.at(-1);
  if (shown === undefined) {
    if (phase === "over") return <Over run={run}>Its work is under Changes, and its files are under Files.</Over>;
    return (
      <EmptyState
        icon={SquareTerminal}
        title="Look into the sandbox"
        action={
          <Button tone="primary" busy={open.isPending} onClick={() => open.mutate()}>
            Open a shell
          </Button>
        }
      >
        A shell runs in the run's workspace, beside Claude Code, and can do what it can. What you change there is part of the
        run's work. The transcript tells that a person opened one.
      </EmptyState>
    );
  }
  return (
    <Tabs.Root value={shown.shell.id} onValueChange={setChosen} activationMode="manual" className="flex min-h-72 flex-1 flex-col">
      <div className="flex items-center gap-1 border-b border-line bg-sunken px-2 py-1">
        <Tabs.List ref={tabs} aria-label="Shells" className="flex min-w-0 gap-1 overflow-x-auto [scrollbar-width:none]">
          {shells.map(({ shell, name }) => (
            <Tabs.Trigger
              key={shell.id}
              value={shell.id}
              className="inset-ring-focus h-7 shrink-0 rounded-md px-2.5 text-xs font-medium text-ink-soft hover:text-ink data-[state=active]:bg-surface data-[state=active]:text-ink data-[state=active]:shadow-card"
            >
              {name}
              {shell.outcome !== null && <span className="text-ink-faint"> · {outcomeWords(shell.outcome)}</span>}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {phase === "now" && (
          <Button
            ref={newShell}
            size="icon"
            tone="ghost"
            aria-label="New shell"
            title="New shell"
            busy={open.isPending}
            onClick={() => open.mutate()}
          >
            {!open.isPending && <Plus aria-hidden className="size-4" />}
          </Button>
        )}
        <Button
          size="icon"
          tone="ghost"
          className={classes("ml-auto", screenReader && "bg-accent-soft text-accent")}
          aria-pressed={screenReader}
          aria-label="Screen reader mode"
          title="Screen reader mode: reads out what is printed"
          onClick={toggleScreenReader}
        >
          <Accessibility aria-hidden className="size-4" />
        </Button>
        <CloseShell shell={shown.shell} name={shown.name} onClose={() => void close(shown.shell)} />
      </div>
      {phase === "over" && (
        <Notice icon={Info} className="m-2">
          <p>
            The run has ended, and its shells with it. Its work is under{" "}
            <Link
              to="/runs/$runId"
              params={{ runId: run.id }}
              search={{ tab: "changes" }}
              className="rounded font-medium underline"
            >
              Changes
            </Link>
            .
          </p>
        </Notice>
      )}
      <Tabs.Content value={shown.shell.id} tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
        <Part name="shell" loading={<Skeleton rows={6} />}>
          <ShellPanel
            key={shown.shell.id}
            runId={run.id}
            shell={shown.shell}
            name={shown.name}
            screenReader={screenReader}
            isNew={openedHere === shown.shell.id}
            onEnded={() => void refresh()}
            onLeave={leave}
            another={
              phase === "now" && (
                <Button size="sm" busy={open.isPending} onClick={() => open.mutate()}>
                  Open another shell
                </Button>
              )
            }
          />
        </Part>
      </Tabs.Content>
    </Tabs.Root>
  );
};
