import { useState } from "react";
import type { LazyPart } from "./lazy-part.tsx";
import { useToasts } from "./toast.tsx";

/** Something that is fetched, then opened, and closed again by `failed`, which its boundary is to call; why it is not there is told. */
export const useOpened = <Props>({ preload }: Pick<LazyPart<Props>, "preload">) => {
  const toasts = useToasts();
  const [isOpen, setOpen] = useState(false);
  return {
    isOpen,
    setOpen,
    open: (): void => void preload().then(() => setOpen(true), toasts.error),
    failed: (error: unknown): void => {
      setOpen(false);
      toasts.error(error);
    },
  };
};
