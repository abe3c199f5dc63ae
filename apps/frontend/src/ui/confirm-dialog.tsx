import { AlertDialog } from "radix-ui";
import { buttonClasses } from "./button.tsx";
import type { Question } from "./confirm.tsx";
import { OVERLAY } from "./dialog.tsx";
import { useReturnedFocus } from "./focus.ts";

/** The question of `Confirm`, without a button of its own. */
export const ConfirmDialog = ({
  onOpenChange,
  title,
  children,
  action,
  keep = "Keep",
  tone = "danger",
  onConfirm,
}: Question & { onOpenChange: (open: boolean) => void }) => {
  const focus = useReturnedFocus();
  return (
    <AlertDialog.Root open onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className={OVERLAY} />
        <AlertDialog.Content
          aria-modal
          {...focus}
          className="fixed top-1/2 left-1/2 z-50 flex w-[min(26rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col gap-2 rounded-xl border border-line bg-surface p-5 shadow-float"
        >
          <AlertDialog.Title className="text-base font-semibold [overflow-wrap:anywhere]">{title}</AlertDialog.Title>
          <AlertDialog.Description className="text-pretty text-ink-soft">{children}</AlertDialog.Description>
          <div className="mt-3 flex flex-wrap justify-end gap-2">
            <AlertDialog.Cancel className={buttonClasses("secondary")}>{keep}</AlertDialog.Cancel>
            <AlertDialog.Action className={buttonClasses(tone)} onClick={onConfirm}>
              {action}
            </AlertDialog.Action>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
};
