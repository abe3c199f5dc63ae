import type { Run, WorkspaceDiff } from "@ccr/protocol";
import { Columns2, Download, Keyboard, type LucideIcon, Pilcrow, Rows2, WrapText } from "lucide-react";
import { Popover } from "radix-ui";
import { Button, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { downloadText } from "../../ui/download.ts";
import { plural } from "../../ui/format.ts";
import { KEYS } from "./keys.ts";
import { Counts } from "./marks.tsx";
import type { ViewOptions } from "./view-options.ts";

const Toggle = ({
  label,
  icon: Icon,
  isOn,
  onChange,
}: {
  label: string;
  icon: LucideIcon;
  isOn: boolean;
  onChange: (on: boolean) => void;
}) => (
  <IconButton
    label={label}
    aria-pressed={isOn}
    className={classes(isOn && "bg-accent-soft text-accent")}
    onClick={() => onChange(!isOn)}
  >
    <Icon aria-hidden className="size-3.5" />
  </IconButton>
);

const KeysHelp = () => (
  <Popover.Root>
    <Popover.Trigger asChild>
      <IconButton label="Keys" className="max-sm:hidden">
        <Keyboard aria-hidden className="size-3.5" />
      </IconButton>
    </Popover.Trigger>
    <Popover.Portal>
      <Popover.Content
        align="end"
        sideOffset={4}
        aria-label="Keys in the changes"
        className="z-40 rounded-lg border border-line bg-surface p-3 text-xs shadow-float"
      >
        <p className="mb-2 max-w-64 text-ink-soft">While the changes have the focus:</p>
        <dl className="grid grid-cols-[auto_1fr] items-center gap-x-3 gap-y-1.5">
          {KEYS.map(({ keys, does }) => (
            <div key={does} className="contents">
              <dt className="flex gap-1">
                {keys.map((key) => (
                  <kbd key={key} className="code rounded border border-line bg-sunken px-1 text-2xs">
                    {key}
                  </kbd>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </Popover.Content>
    </Popover.Portal>
  </Popover.Root>
);

/** What all changes come to, how they are drawn, and ways to take them along. */
export const Toolbar = ({
  run,
  diff,
  viewed,
  options,
  canSplit,
  onChange,
  hasKeys,
}: {
  run: Pick<Run, "id">;
  diff: WorkspaceDiff;
  /** How many files are marked as viewed, of those that are shown; null: nobody marks them here. */
  viewed: { count: number; of: number } | null;
  options: ViewOptions;
  canSplit: boolean;
  onChange: (part: Partial<ViewOptions>) => void;
  hasKeys: boolean;
}) => {
  const sum = (of: "additions" | "deletions"): number => diff.files.reduce((total, file) => total + (file[of] ?? 0), 0);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2">
      <p className="flex-1 whitespace-nowrap">
        {plural(diff.files.length, "file")} <Counts additions={sum("additions")} deletions={sum("deletions")} />
        {viewed !== null && viewed.count > 0 && (
          <span className="nums ml-2 text-xs text-ink-faint">
            {viewed.count} of {viewed.of} viewed
          </span>
        )}
      </p>
      <div role="toolbar" aria-label="How the changes are shown" className="flex items-center gap-0.5">
        {canSplit && (
          <>
            <Toggle
              label="Unified"
              icon={Rows2}
              isOn={options.layout === "unified"}
              onChange={() => onChange({ layout: "unified" })}
            />
            <Toggle
              label="Side by side"
              icon={Columns2}
              isOn={options.layout === "split"}
              onChange={() => onChange({ layout: "split" })}
            />
            <span aria-hidden className="mx-1 h-4 w-px bg-line" />
          </>
        )}
        <Toggle
          label="Wrap long lines"
          icon={WrapText}
          isOn={options.isWrapped}
          onChange={(isWrapped) => onChange({ isWrapped })}
        />
        <Toggle
          label="Hide changes of white space"
          icon={Pilcrow}
          isOn={options.isBlind}
          onChange={(isBlind) => onChange({ isBlind })}
        />
        {hasKeys && <KeysHelp />}
        <CopyButton text={() => diff.patch} label="Copy the patch" />
      </div>
      <Button size="sm" onClick={() => downloadText(`${run.id}.patch`, diff.patch, "text/x-patch")}>
        <Download aria-hidden className="size-3.5" /> Download .patch
      </Button>
    </div>
  );
};
