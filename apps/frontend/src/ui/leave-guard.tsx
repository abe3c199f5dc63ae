import { useBlocker } from "@tanstack/react-router";
import { AlertDialog } from "radix-ui";
import { Button, buttonClasses } from "./button.tsx";

/**
 * Warns before a page with changes that were not saved is left. `isDirty` says whether there are any at that moment: what was saved just now is
 * no reason to ask. The draft stays in the tab, unless it is discarded.
 */
export const LeaveGuard = ({ isDirty, onDiscard }: { isDirty: () => boolean; onDiscard: () => void }) => {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => current.pathname !== next.pathname && isDirty(),
    // Closing the tab loses the draft.
    enableBeforeUnload: isDirty,
    withResolver: true,
  });
  return (
    <AlertDialog.Root open={blocker.status === "blocked"}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.45)] data-[state=open]:animate-appear" />
        <AlertDialog.Content
          onEscapeKeyDown={() => blocker.reset?.()}
          className="fixed top-1/2 left-1/2 z-50 flex w-[min(28rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col gap-2 rounded-xl border border-line bg-surface p-5 shadow-float"
        >
          <AlertDialog.Title className="text-base font-semibold">Leave without saving?</AlertDialog.Title>
          <AlertDialog.Description className="text-pretty text-ink-soft">
            What you have changed is not saved. It is kept in this tab, and is here again when you come back, until the tab is
            closed.
          </AlertDialog.Description>
          <div className="mt-3 flex flex-wrap justify-end gap-2">
            <Button
              tone="ghost"
              className="text-bad"
              onClick={() => {
                onDiscard();
                blocker.proceed?.();
              }}
            >
              Discard and leave
            </Button>
            <Button onClick={() => blocker.proceed?.()}>Leave, keep the draft</Button>
            <AlertDialog.Cancel className={buttonClasses("primary")} onClick={() => blocker.reset?.()}>
              Stay
            </AlertDialog.Cancel>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
};
