import { X } from "lucide-react";
import { IconButton } from "../ui/button.tsx";
import { Dialog, DialogClose, DialogTitle } from "../ui/dialog.tsx";
import { KEYS } from "./keys-table.ts";

const Key = ({ name }: { name: string }) => (
  <kbd className="code inline-grid min-h-6 min-w-6 place-items-center rounded border border-line-strong bg-sunken px-1.5 text-xs">
    {name}
  </kbd>
);

/** Every key of the page, by where it works. */
export const KeysDialog = ({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) => (
  <Dialog open={open} onOpenChange={onOpenChange} width="66rem">
    <div className="flex items-center justify-between">
      <DialogTitle className="text-base font-semibold">Keys</DialogTitle>
      <DialogClose asChild>
        <IconButton label="Close">
          <X aria-hidden className="size-4" />
        </IconButton>
      </DialogClose>
    </div>
    <div className="gap-x-8 sm:columns-2 lg:columns-3">
      {KEYS.map(({ group, keys }) => (
        <section key={group} aria-label={group} className="mb-5 flex break-inside-avoid flex-col gap-2">
          <h3 className="text-xs font-medium text-ink-faint">{group}</h3>
          <dl className="flex flex-col gap-1.5">
            {keys.map(({ keys: each, what }) => (
              <div key={what} className="flex items-baseline justify-between gap-4">
                <dt className="text-ink-soft">{what}</dt>
                <dd className="flex shrink-0 gap-1">
                  {each.map((name) => (
                    <Key key={name} name={name} />
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
    <p className="text-xs text-ink-faint">
      While you type, single keys are text. Where a list, changes or a terminal have keys of their own, they hold while it has the
      focus.
    </p>
  </Dialog>
);
