import { Slot } from "radix-ui";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { ButtonTone } from "./button.tsx";
import { useToasts } from "./toast.tsx";

export type Question = {
  title: string;
  children: ReactNode;
  action: string;
  keep?: string;
  tone?: ButtonTone;
  onConfirm: () => void;
};

// Most pages have something to ask, and few are asked.
const importDialog = () => import("./confirm-dialog.tsx").then(({ ConfirmDialog }) => ({ default: ConfirmDialog }));
const ConfirmDialog = lazy(importDialog);

/** Fetches beforehand what asks, so that asking needs no server any more. */
export const preloadConfirm = (): void => {
  // What cannot be had now is fetched with the first question.
  importDialog().catch(() => {});
};

/**
 * Asks before something that cannot be taken back, or that does more than its button says. `trigger` is the button that opens the question;
 * Esc and `keep` close it.
 */
export const Confirm = ({ trigger, ...question }: Question & { trigger: ReactNode }) => {
  const toasts = useToasts();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Slot.Root
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={() => void importDialog().then(() => setOpen(true), toasts.error)}
      >
        {trigger}
      </Slot.Root>
      {isOpen && (
        <Suspense fallback={null}>
          <ConfirmDialog onOpenChange={setOpen} {...question} />
        </Suspense>
      )}
    </>
  );
};
