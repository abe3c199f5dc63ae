import { AlertDialog } from "radix-ui";
import type { ReactNode } from "react";
import { type ButtonTone, buttonClasses } from "./button.tsx";

/**
 * Asks before something that cannot be taken back, or that does more than its button says. `trigger` is the button that opens the question;
 * Esc and `keep` close it.
 */
export const Confirm = ({
  trigger,
  title,
  children,
  action,
  keep = "Keep",
  tone = "danger",
  onConfirm,
}: {
  trigger: ReactNode;
  title: string;
  children: ReactNode;
  action: string;
  keep?: string;
  tone?: ButtonTone;
  onConfirm: () => void;
}) => (
  <AlertDialog.Root>
    <AlertDialog.Trigger asChild>{trigger}</AlertDialog.Trigger>
    <AlertDialog.Portal>
      <AlertDialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.45)] data-[state=open]:animate-appear" />
      <AlertDialog.Content className="fixed top-1/2 left-1/2 z-50 flex w-[min(26rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col gap-2 rounded-xl border border-line bg-surface p-5 shadow-float">
        <AlertDialog.Title className="text-base font-semibold [overflow-wrap:anywhere]">{title}</AlertDialog.Title>
        <AlertDialog.Description className="text-pretty text-ink-soft">{children}</AlertDialog.Description>
        <div className="mt-3 flex justify-end gap-2">
          <AlertDialog.Cancel className={buttonClasses("secondary")}>{keep}</AlertDialog.Cancel>
          <AlertDialog.Action className={buttonClasses(tone)} onClick={onConfirm}>
            {action}
          </AlertDialog.Action>
        </div>
      </AlertDialog.Content>
    </AlertDialog.Portal>
  </AlertDialog.Root>
);
