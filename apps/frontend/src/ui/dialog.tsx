import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { useReturnedFocus } from "./focus.ts";

/** The shade behind whatever is open. */
export const OVERLAY = "fixed inset-0 z-40 bg-[rgb(8_10_18/0.45)] data-[state=open]:animate-appear";

/** A window over the page, opened from elsewhere. Esc closes it, and the keyboard goes back to where it was. */
export const Dialog = ({
  open,
  onOpenChange,
  children,
  width = "32rem",
  className = "top-1/2 -translate-y-1/2 gap-4 p-5",
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  children: ReactNode;
  width?: string;
  className?: string;
}) => {
  const focus = useReturnedFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={OVERLAY} />
        <Radix.Content
          aria-describedby={undefined}
          aria-modal
          {...focus}
          style={{ width: `min(${width}, calc(100vw - 2rem))` }}
          className={classes(
            "fixed left-1/2 z-50 flex max-h-[calc(100dvh-2rem)] -translate-x-1/2 flex-col overflow-y-auto rounded-xl border border-line bg-surface shadow-float",
            className,
          )}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
};

export const DialogTitle = Radix.Title;
export const DialogClose = Radix.Close;
