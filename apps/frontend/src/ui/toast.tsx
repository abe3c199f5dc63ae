import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { describeError } from "../api/errors.ts";
import { QuietPart } from "./boundary.tsx";
import { lazyPart } from "./lazy-part.tsx";

export type ToastTone = "ok" | "bad" | "warn";
/** What can be done about what is told. */
type ToastAction = { label: string; run: () => void };
export type ShownToast = { id: number; tone: ToastTone; text: string; action: ToastAction | null };
type Toasts = {
  ok(text: string): void;
  error(error: unknown): void;
  /** Something that happened elsewhere, with the way there. */
  news(tone: ToastTone, text: string, action: ToastAction): void;
};

const ToastContext = createContext<Toasts | null>(null);

// Nothing is told when the page is opened.
const ToastList = lazyPart(() => import("./toast-list.tsx").then(({ ToastList }) => ToastList));

/** Fetches beforehand what shows messages, so that a server that is away can be told of. */
export const preloadToasts = (): void => {
  // What cannot be had now is fetched with the first message.
  ToastList.preload().catch(() => {});
};

/** Short messages in the corner, read out by screen readers. */
export const ToastProvider = ({ children }: { children: ReactNode }) => {
  const [shown, setShown] = useState<readonly ShownToast[]>([]);
  const [isNeeded, setNeeded] = useState(false);
  const add = useCallback((tone: ToastTone, text: string, action: ToastAction | null = null) => {
    setNeeded(true);
    // The same words twice are one message that stays longer.
    setShown((old) =>
      [...old.filter((toast) => toast.text !== text), { id: (old.at(-1)?.id ?? 0) + 1, tone, text, action }].slice(-4),
    );
  }, []);
  const toasts = useMemo<Toasts>(
    () => ({ ok: (text) => add("ok", text), error: (error) => add("bad", describeError(error)), news: add }),
    [add],
  );
  const remove = (id: number): void => setShown((old) => old.filter((toast) => toast.id !== id));
  return (
    <ToastContext value={toasts}>
      {children}
      {isNeeded && (
        // Where it cannot be had, a message is lost, and the page that it is about is not.
        <QuietPart name="messages" resetKey={String(shown.at(-1)?.id ?? 0)}>
          <ToastList shown={shown} onRemove={remove} />
        </QuietPart>
      )}
    </ToastContext>
  );
};

/** Shows short messages; throws outside of the provider. */
export const useToasts = (): Toasts => {
  const toasts = useContext(ToastContext);
  if (toasts === null) throw new Error("useToasts is used outside of ToastProvider");
  return toasts;
};
