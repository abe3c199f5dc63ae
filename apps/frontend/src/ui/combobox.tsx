import { Check, LoaderCircle } from "lucide-react";
import { type ComponentProps, type KeyboardEvent, useState } from "react";
import { classes } from "./classes.ts";
import { type ComboboxOption, matchOptions } from "./combobox-options.ts";
import { TextInput } from "./field.tsx";
import { Option, useOptions } from "./options.tsx";

type Item = { kind: "option"; option: ComboboxOption } | { kind: "action"; label: string };

/**
 * A text field with a list of choices below it, or above; any other text may be written as well. `status` is a sentence below the list, and `action` a
 * last entry that does something and leaves the list open.
 */
export const Combobox = ({
  value,
  options,
  onChange,
  onOpen,
  status,
  action,
  side = "bottom",
  className,
  ...rest
}: Omit<ComponentProps<"input">, "value" | "onChange" | "list"> & {
  value: string;
  options: readonly ComboboxOption[];
  onChange: (value: string) => void;
  /** The list is wanted: what is not known yet can be asked for. */
  onOpen?: () => void;
  status?: string | null;
  action?: { label: string; busy: boolean; onAct: () => void } | null;
  /** Above it, where there is no room below. */
  side?: "bottom" | "top";
}) => {
  const [isOpen, setIsOpen] = useState(false);
  const [typed, setTyped] = useState(false);
  const items: Item[] = [
    ...matchOptions(options, value, typed).map((option): Item => ({ kind: "option", option })),
    ...(action == null ? [] : [{ kind: "action" as const, label: action.label }]),
  ];
  const { list, current, currentId, reset, onArrow, at } = useOptions(items.length, -1);
  const hasStatus = status != null && status !== "";
  const shown = isOpen && (items.length > 0 || hasStatus);

  const open = (isTyped: boolean): void => {
    setIsOpen(true);
    setTyped(isTyped);
    reset();
    onOpen?.();
  };
  const close = (): void => {
    setIsOpen(false);
    reset();
  };
  const choose = (item: Item): void => {
    if (item.kind === "action") {
      action?.onAct();
      return;
    }
    onChange(item.option.value);
    close();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (!shown && /^Arrow(Down|Up)$/.test(event.key)) {
      event.preventDefault();
      open(false);
    } else if (onArrow(event)) event.preventDefault();
    else if (event.key === "Enter" && shown && current >= 0) {
      event.preventDefault();
      const item = items[current];
      if (item !== undefined) choose(item);
    } else if (event.key === "Escape" && shown) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };
  return (
    <div className={classes("relative min-w-0", className)}>
      <TextInput
        {...rest}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={shown}
        aria-controls={shown ? list : undefined}
        aria-activedescendant={shown ? currentId : undefined}
        autoCapitalize="off"
        value={value}
        onChange={({ target }) => {
          onChange(target.value);
          open(true);
        }}
        onClick={() => {
          if (!shown) open(false);
        }}
        onKeyDown={onKeyDown}
        onBlur={(event) => {
          close();
          rest.onBlur?.(event);
        }}
      />
      {shown && (
        // A sentence alone hinders nobody who goes on to what is below it.
        // biome-ignore lint/a11y/noStaticElementInteractions: the field keeps the focus, which what is pressed here must not take
        <div
          onMouseDown={(event) => event.preventDefault()}
          className={classes(
            "absolute right-0 left-0 z-30 max-h-64 min-w-56 overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-float",
            side === "top" ? "bottom-full mb-1" : "top-full mt-1",
            items.length === 0 && "pointer-events-none",
          )}
        >
          <div id={list} role="listbox" aria-label="Choices">
            {items.map((item, index) => (
              <Option
                key={item.kind === "action" ? "action" : `option ${item.option.value}`}
                {...at(index)}
                onChoose={() => choose(item)}
                className={classes("min-h-7 items-center", item.kind === "action" && "text-accent")}
              >
                {item.kind === "action" ? (
                  <>
                    {action?.busy === true && <LoaderCircle aria-hidden className="size-3.5 animate-spin" />}
                    <span className="[overflow-wrap:anywhere]">{item.label}</span>
                  </>
                ) : (
                  <>
                    <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">{item.option.value}</span>
                    {item.option.note !== undefined && <span className="shrink-0 text-ink-faint">{item.option.note}</span>}
                    {item.option.value === value && <Check aria-hidden className="size-3.5 shrink-0 text-accent" />}
                  </>
                )}
              </Option>
            ))}
          </div>
          {hasStatus && (
            <p role="status" className="px-2 py-1 text-xs text-pretty text-ink-faint [overflow-wrap:anywhere]">
              {status}
            </p>
          )}
        </div>
      )}
    </div>
  );
};
