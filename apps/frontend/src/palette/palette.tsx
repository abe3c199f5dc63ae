import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import {
  Keyboard,
  Layers,
  ListChecks,
  LoaderCircle,
  type LucideIcon,
  Monitor,
  Moon,
  Package,
  Plus,
  RotateCw,
  Search,
  Sun,
  Zap,
} from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { describeError } from "../api/errors.ts";
import { PLACES } from "../app/places.ts";
import { repositoryAt } from "../runs/repositories.ts";
import { lookOf, RunBadge } from "../runs/status.tsx";
import { SECTIONS } from "../settings/sections.ts";
import { chooseAppearance } from "../ui/appearance.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Dialog, DialogTitle } from "../ui/dialog.tsx";
import { type PageAction, useOfferedActions } from "./actions.ts";
import { RUNS_MOST } from "./find-runs.ts";
import { matches } from "./matches.ts";
import { useSearch } from "./use-search.ts";

const THEMES = [
  { choice: "light", label: "Colours: light", icon: Sun },
  { choice: "dark", label: "Colours: dark", icon: Moon },
  { choice: "system", label: "Colours: as the system", icon: Monitor },
] as const;

const Item = ({
  value,
  icon: Icon,
  children,
  hint,
  onSelect,
}: {
  /** Unique in the list. */
  value: string;
  icon?: LucideIcon | undefined;
  children: ReactNode;
  hint?: ReactNode;
  onSelect: () => void;
}) => (
  <Command.Item
    value={value}
    onSelect={onSelect}
    className="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 py-1.5 data-[selected=true]:bg-hover"
  >
    {Icon !== undefined && <Icon aria-hidden className="size-4 shrink-0 text-ink-faint" />}
    <span className="min-w-0 flex-1 truncate">{children}</span>
    {hint !== undefined && <span className="max-w-[45%] shrink-0 truncate text-xs text-ink-faint">{hint}</span>}
  </Command.Item>
);

const Group = ({ heading, children }: { heading: string; children: readonly ReactNode[] }) =>
  children.length === 0 ? null : (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2.5 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-ink-faint"
    >
      {children}
    </Command.Group>
  );

/** Where one can go, what the page can do, and what is found of a text. Everything in it can be reached without it too. */
const Choices = ({
  text,
  choose,
  onAction,
  onFound,
}: {
  text: string;
  choose: (run: () => void) => void;
  onAction: (action: PageAction) => void;
  /** What is listed has changed. */
  onFound: () => void;
}) => {
  const navigate = useNavigate();
  const offered = useOfferedActions();
  const found = useSearch(text);
  const listed = [...offered, ...found.runs, ...found.tasks, ...found.environments, ...found.batches].map(({ id }) => id).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is listed is what is told
  useEffect(onFound, [listed]);
  return (
    <>
      <Group heading="On this page">
        {offered
          .filter(({ label }) => matches(text, label))
          .map((action) => (
            <Item key={action.id} value={`action ${action.id}`} icon={action.icon ?? Zap} onSelect={() => onAction(action)}>
              {action.label}
            </Item>
          ))}
      </Group>
      <Group heading="Runs">
        {found.runs.map((run) => (
          <Item
            key={run.id}
            value={run.id}
            icon={lookOf(run).icon}
            hint={<RunBadge run={run} />}
            onSelect={() => choose(() => void navigate({ to: "/runs/$runId", params: { runId: run.id } }))}
          >
            {run.taskName} <span className="text-xs text-ink-faint">{repositoryAt(run)}</span>
          </Item>
        ))}
      </Group>
      {(found.runs.length >= RUNS_MOST || found.isPartial) && (
        <Group heading="More runs">
          {[
            <Item
              key="all"
              value="all runs"
              icon={Search}
              onSelect={() => choose(() => void navigate({ to: "/runs", search: { q: text } }))}
            >
              List all runs with “{text}”
            </Item>,
          ]}
        </Group>
      )}
      <Group heading="Tasks">
        {found.tasks.map(({ id, name }) => (
          <Item
            key={id}
            value={id}
            icon={ListChecks}
            onSelect={() => choose(() => void navigate({ to: "/tasks/$taskId", params: { taskId: id } }))}
          >
            {name}
          </Item>
        ))}
      </Group>
      <Group heading="Environments">
        {found.environments.map(({ id, name }) => (
          <Item
            key={id}
            value={id}
            icon={Package}
            onSelect={() => choose(() => void navigate({ to: "/environments/$environmentId", params: { environmentId: id } }))}
          >
            {name}
          </Item>
        ))}
      </Group>
      <Group heading="Batches">
        {found.batches.map(({ id, name }) => (
          <Item
            key={id}
            value={id}
            icon={Layers}
            onSelect={() => choose(() => void navigate({ to: "/batches/$batchId", params: { batchId: id } }))}
          >
            {name}
          </Item>
        ))}
      </Group>
      <Group heading="Go to">
        {[
          ...PLACES.filter(({ label }) => matches(text, label)).map(({ to, label, icon, key }) => (
            <Item key={to} value={`go ${to}`} icon={icon} hint={`g ${key}`} onSelect={() => choose(() => void navigate({ to }))}>
              {label}
            </Item>
          )),
          ...SECTIONS.filter(({ label, about }) => text !== "" && matches(text, `Settings ${label}`, about)).map(
            ({ name, label, icon }) => (
              <Item
                key={name}
                value={`go settings ${name}`}
                icon={icon}
                onSelect={() => choose(() => void navigate({ to: "/settings/$section", params: { section: name } }))}
              >
                Settings: {label}
              </Item>
            ),
          ),
        ]}
      </Group>
      <Group heading="Do">
        {[
          ...(matches(text, "New task") ? [{ value: "new task", label: "New task", icon: Plus, to: "/tasks/new" as const }] : []),
          ...(matches(text, "New environment")
            ? [{ value: "new environment", label: "New environment", icon: Plus, to: "/environments/new" as const }]
            : []),
        ].map(({ value, label, icon, to }) => (
          <Item key={value} value={value} icon={icon} onSelect={() => choose(() => void navigate({ to }))}>
            {label}
          </Item>
        ))}
      </Group>
      {!found.isSearching && found.error === null && (
        <Command.Empty className="px-3 py-8 text-center text-ink-soft">
          Nothing is found. Runs are found by what was asked for, their task and repository, how they ended, or their id.
        </Command.Empty>
      )}
      {found.error !== null && !found.isSearching && (
        <>
          <p role="status" className="px-2.5 pt-2.5 pb-1 text-xs text-pretty text-ink-soft">
            Not everything could be looked through. {describeError(found.error)}
          </p>
          <Item value="look again" icon={RotateCw} onSelect={found.retry}>
            Look again
          </Item>
        </>
      )}
      {found.isSearching && (
        <Command.Loading>
          <p className="flex items-center gap-2 px-2.5 py-2 text-xs text-ink-faint">
            <LoaderCircle aria-hidden className="size-3.5 animate-spin" /> Searching
          </p>
        </Command.Loading>
      )}
    </>
  );
};

/** Search and commands, on Ctrl K or by a button. */
export const Palette = ({
  open,
  onOpenChange,
  onHelp,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onHelp: () => void;
}) => {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const hasMoved = useRef(false);
  /** What comes later stands above: the first is chosen until the person has chosen another one. */
  const chooseFirst = (): void => {
    const first = list.current?.querySelector("[cmdk-item]")?.getAttribute("data-value") ?? null;
    if (!hasMoved.current && first !== null) setChosen(first);
  };
  const [asked, setAsked] = useState<PageAction | null>(null);
  /** The palette goes first, so that the keyboard is back in the page before something is done there. */
  const choose = (run: () => void): void => {
    onOpenChange(false);
    setTimeout(run);
  };
  if (asked?.confirm !== undefined)
    return (
      <ConfirmDialog
        onOpenChange={(isOpen) => {
          if (!isOpen) onOpenChange(false);
        }}
        title={asked.confirm.title}
        action={asked.confirm.action}
        onConfirm={asked.run}
      >
        {asked.confirm.text}
      </ConfirmDialog>
    );
  return (
    <Dialog open={open} onOpenChange={onOpenChange} width="38rem" className="top-4 sm:top-[12vh]">
      <DialogTitle className="sr-only">Search and commands</DialogTitle>
      <Command
        value={chosen}
        onValueChange={setChosen}
        onKeyDown={({ key }) => {
          if (/^(Arrow|Home|End)/.test(key)) hasMoved.current = true;
        }}
        shouldFilter={false}
        loop
        label="Find a run or a task, or go somewhere"
        className="flex min-h-0 flex-col"
      >
        <div className="flex items-center gap-2.5 border-b border-line px-4">
          <Search aria-hidden className="size-4 shrink-0 text-ink-faint" />
          <Command.Input
            value={text}
            onValueChange={(next) => {
              hasMoved.current = false;
              setText(next);
            }}
            placeholder="Find a run or a task, or go somewhere"
            className="h-12 min-w-0 flex-1 bg-transparent text-base outline-none"
          />
        </div>
        <Command.List ref={list} label="What was found" className="max-h-[min(26rem,60dvh)] scroll-py-2 overflow-y-auto p-1.5">
          <Choices
            text={text.trim()}
            choose={choose}
            onFound={chooseFirst}
            onAction={(action) => (action.confirm === undefined ? choose(action.run) : setAsked(action))}
          />
          <Group heading="Page">
            {[
              ...THEMES.filter(({ label }) => matches(text, label, "theme")).map(({ choice, label, icon }) => (
                <Item
                  key={choice}
                  value={`theme ${choice}`}
                  icon={icon}
                  onSelect={() => choose(() => chooseAppearance("theme", choice))}
                >
                  {label}
                </Item>
              )),
              ...(matches(text, "Show all keys")
                ? [
                    <Item key="keys" value="keys" icon={Keyboard} hint="?" onSelect={() => choose(onHelp)}>
                      Show all keys
                    </Item>,
                  ]
                : []),
            ]}
          </Group>
        </Command.List>
      </Command>
    </Dialog>
  );
};
