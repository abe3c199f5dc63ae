import { Slot } from "radix-ui";
import {
  type ComponentProps,
  createContext,
  type MouseEvent,
  type ReactElement,
  type ReactNode,
  useContext,
  useState,
} from "react";
import { useToasts } from "./toast.tsx";
import { useBeforehand } from "./use-settled.ts";

type Parts = typeof import("./popover-parts.ts");

const importParts = (): Promise<Parts> => import("./popover-parts.ts");
const fetchParts = (): void => {
  // What cannot be had now is fetched when it is opened.
  importParts().catch(() => {});
};

type State = { parts: Parts | null; open: () => void };
const StateContext = createContext<State>({ parts: null, open: () => {} });

/** What opens beside a button. What places it there is fetched when it is first wanted, or when the page has come to rest. */
const Root = ({ children, onOpenChange }: { children: ReactNode; onOpenChange?: (open: boolean) => void }) => {
  const [parts, setParts] = useState<Parts | null>(null);
  const toasts = useToasts();
  useBeforehand(fetchParts);
  const open = (): void => {
    importParts().then((loaded) => {
      onOpenChange?.(true);
      setParts(loaded);
    }, toasts.error);
  };
  return (
    <StateContext value={{ parts, open }}>
      {parts === null ? (
        children
      ) : (
        <parts.Root defaultOpen {...(onOpenChange === undefined ? {} : { onOpenChange })}>
          {children}
        </parts.Root>
      )}
    </StateContext>
  );
};

const fetchBeforehand = (): void => {
  importParts().catch(() => {});
};

/** The button that opens it: its only child. */
const Trigger = ({ children }: { asChild: true; children: ReactElement }) => {
  const { parts, open } = useContext(StateContext);
  if (parts !== null) return <parts.Trigger asChild>{children}</parts.Trigger>;
  return (
    <Slot.Root
      aria-haspopup="dialog"
      aria-expanded={false}
      onPointerEnter={fetchBeforehand}
      onFocus={fetchBeforehand}
      onClick={(event: MouseEvent) => {
        if (!event.defaultPrevented) open();
      }}
    >
      {children}
    </Slot.Root>
  );
};

const Portal = ({ children }: { children: ReactNode }) => {
  const { parts } = useContext(StateContext);
  return parts === null ? null : <parts.Portal>{children}</parts.Portal>;
};

const Content = (props: ComponentProps<Parts["Content"]>) => {
  const { parts } = useContext(StateContext);
  return parts === null ? null : <parts.Content {...props} />;
};

export const Popover = { Root, Trigger, Portal, Content };
