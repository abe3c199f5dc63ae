import { Slot } from "radix-ui";
import type { ReactNode } from "react";
import { QuietPart } from "./boundary.tsx";
import type { ButtonTone } from "./button.tsx";
import { lazyPart } from "./lazy-part.tsx";
import { useOpened } from "./use-opened.ts";

export type Question = {
  title: string;
  children: ReactNode;
  action: string;
  keep?: string;
  tone?: ButtonTone;
  onConfirm: () => void;
};

// Most pages have something to ask, and few are asked.
const ConfirmDialog = lazyPart(() => import("./confirm-dialog.tsx").then(({ ConfirmDialog }) => ConfirmDialog));

/** Fetches beforehand what asks, so that asking needs no server any more. */
export const preloadConfirm = (): void => {
  // What cannot be had now is fetched with the first question.
  ConfirmDialog.preload().catch(() => {});
};

/**
 * Asks before something that cannot be taken back, or that does more than its button says. `trigger` is the button that opens the question;
 * Esc and `keep` close it.
 */
export const Confirm = ({ trigger, ...question }: Question & { trigger: ReactNode }) => {
  const { isOpen, setOpen, open, failed } = useOpened(ConfirmDialog);
  return (
    <>
      <Slot.Root aria-haspopup="dialog" aria-expanded={isOpen} onClick={open}>
        {trigger}
      </Slot.Root>
      {isOpen && (
        <QuietPart name="question" onFailed={failed}>
          <ConfirmDialog onOpenChange={setOpen} {...question} />
        </QuietPart>
      )}
    </>
  );
};
