import { CircleAlert, CircleCheck, MessageCircleQuestion, X } from "lucide-react";
import { Toast } from "radix-ui";
import { buttonClasses } from "./button.tsx";
import { classes } from "./classes.ts";
import type { ShownToast, ToastTone } from "./toast.tsx";

const LOOKS = {
  ok: { icon: CircleCheck, className: "text-ok", durationMs: 4000 },
  bad: { icon: CircleAlert, className: "text-bad", durationMs: 12_000 },
  warn: { icon: MessageCircleQuestion, className: "text-warn", durationMs: 12_000 },
} as const;

const ToastIcon = ({ tone }: { tone: ToastTone }) => {
  const { icon: Icon, className } = LOOKS[tone];
  return <Icon aria-hidden className={classes("mt-0.5 size-4 shrink-0", className)} />;
};

/** The messages in the corner. */
export const ToastList = ({ shown, onRemove }: { shown: readonly ShownToast[]; onRemove: (id: number) => void }) => (
  <Toast.Provider swipeDirection="right" duration={6000}>
    {shown.map(({ id, tone, text, action }) => (
      <Toast.Root
        key={id}
        type={tone === "ok" ? "background" : "foreground"}
        duration={LOOKS[tone].durationMs}
        onOpenChange={(open) => {
          if (!open) onRemove(id);
        }}
        className="flex items-start gap-2.5 rounded-lg border border-line bg-surface p-3.5 shadow-float data-[state=open]:animate-appear"
      >
        <ToastIcon tone={tone} />
        <div className="flex min-w-0 flex-1 flex-col items-start gap-1.5">
          <Toast.Description className="[overflow-wrap:anywhere]">{text}</Toast.Description>
          {action !== null && (
            <Toast.Action
              altText={`${action.label}: it is among the runs`}
              onClick={action.run}
              className={buttonClasses("secondary", "sm")}
            >
              {action.label}
            </Toast.Action>
          )}
        </div>
        <Toast.Close aria-label="Close" className="grid size-6 shrink-0 place-items-center rounded text-ink-faint hover:text-ink">
          <X aria-hidden className="size-3.5" />
        </Toast.Close>
      </Toast.Root>
    ))}
    <Toast.Viewport className="fixed right-4 bottom-18 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2 outline-none lg:bottom-4" />
  </Toast.Provider>
);
