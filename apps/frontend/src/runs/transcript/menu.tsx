import { ChevronsDownUp, ChevronsUpDown, Download, type LucideIcon } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { buttonClasses } from "../../ui/button.tsx";
import { DownloadLink } from "../../ui/download-link.tsx";
import { EXPORTS } from "./exports.ts";

const ITEM =
  "flex h-8 cursor-pointer items-center gap-2 rounded-md px-2 text-sm outline-none select-none data-[highlighted]:bg-hover";

const Sign = ({ icon: Icon }: { icon: LucideIcon }) => <Icon aria-hidden className="size-3.5 text-ink-faint" />;

/** Opens and closes all entries, and gives the whole transcript as a file. It is open when it appears. */
export const TranscriptMenu = ({
  runId,
  onAll,
  children,
}: {
  runId: string;
  onAll: (open: boolean) => void;
  children: ReactNode;
}) => (
  <DropdownMenu.Root modal={false} defaultOpen>
    <DropdownMenu.Trigger
      aria-label="More for this transcript"
      title="More for this transcript"
      className={buttonClasses("ghost", "icon")}
    >
      {children}
    </DropdownMenu.Trigger>
    <DropdownMenu.Portal>
      <DropdownMenu.Content
        align="end"
        sideOffset={4}
        className="z-40 min-w-52 rounded-lg border border-line bg-surface p-1 shadow-float data-[state=open]:animate-appear"
      >
        <DropdownMenu.Item className={ITEM} onSelect={() => onAll(true)}>
          <Sign icon={ChevronsUpDown} /> Expand all
        </DropdownMenu.Item>
        <DropdownMenu.Item className={ITEM} onSelect={() => onAll(false)}>
          <Sign icon={ChevronsDownUp} /> Collapse all
        </DropdownMenu.Item>
        <DropdownMenu.Separator className="my-1 h-px bg-line" />
        <DropdownMenu.Label className="px-2 py-1 text-2xs text-ink-faint">Download the whole transcript</DropdownMenu.Label>
        {EXPORTS.map(({ file, label }) => (
          <DropdownMenu.Item key={file} asChild className={ITEM}>
            <DownloadLink href={`/runs/${runId}/${file}`}>
              <Sign icon={Download} /> {label}
            </DownloadLink>
          </DropdownMenu.Item>
        ))}
        <DropdownMenu.Separator className="my-1 h-px bg-line" />
        <DropdownMenu.Label className="px-2 py-1 text-2xs text-ink-faint">
          In the list: / finds, n and p go to errors, j and k to entries
        </DropdownMenu.Label>
      </DropdownMenu.Content>
    </DropdownMenu.Portal>
  </DropdownMenu.Root>
);
