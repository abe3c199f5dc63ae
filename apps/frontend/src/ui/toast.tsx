import { CircleAlert, CircleCheck, X } from "lucide-react";
import { Toast } from "radix-ui";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { describeError } from "../api/errors.ts";

type Shown = { id: number; tone: "ok" | "bad"; text: string };
type Toasts = { ok(text: string): void; error(error: unknown): void };

const ToastContext = createContext<Toasts | null>(null);

/** Short messages in the corner, read out by screen readers. */
export const ToastProvider = ({ children }: { children: ReactNode }) => {
  const [shown, setShown] = useState<readonly Shown[]>([]);
  const add = useCallback((tone: Shown["tone"], text: string) => {
    // The same words twice are one message that stays longer.
    setShown((old) => [...old.filter((toast) => toast.text !== text), { id: (old.at(-1)?.id ?? 0) + 1, tone, text }].slice(-4));
  }, []);
  const toasts = useMemo<Toasts>(
    () => ({ ok: (text) => add("ok", text), error: (error) => add("bad", describeError(error)) }),
    [add],
  );
  const remove = (id: number): void => setShown((old) => old.filter((toast) => toast.id !== id));
  return (
    <ToastContext value={toasts}>
      <Toast.Provider swipeDirection="right" duration={6000}>
        {children}
        {shown.map(({ id, tone, text }) => (
          <Toast.Root
            key={id}
            type={tone === "bad" ? "foreground" : "background"}
            duration={tone === "bad" ? 12_000 : 4000}
            onOpenChange={(open) => {
              if (!open) remove(id);
            }}
            className="flex items-start gap-2.5 rounded-lg border border-line bg-surface p-3.5 shadow-float data-[state=open]:animate-appear"
          >
            {tone === "ok" ? (
              <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-ok" />
            ) : (
              <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
            )}
            <Toast.Description className="min-w-0 flex-1 [overflow-wrap:anywhere]">{text}</Toast.Description>
            <Toast.Close aria-label="Close" className="rounded p-0.5 text-ink-faint hover:text-ink">
              <X aria-hidden className="size-3.5" />
            </Toast.Close>
          </Toast.Root>
        ))}
        <Toast.Viewport className="fixed right-4 bottom-18 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2 outline-none lg:bottom-4" />
      </Toast.Provider>
    </ToastContext>
  );
};

/** Shows short messages; throws outside of the provider. */
export const useToasts = (): Toasts => {
  const toasts = useContext(ToastContext);
  if (toasts === null) throw new Error("useToasts is used outside of ToastProvider");
  return toasts;
};
