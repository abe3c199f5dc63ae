import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import { buttonClasses } from "../../ui/button.tsx";

/** An image as large as the window allows; Esc closes it. The focus goes back to `opener`. */
export const PictureDialog = ({
  source,
  label,
  caption,
  opener,
  onClose,
}: {
  source: string;
  label: string;
  caption: string;
  opener: () => HTMLElement | null;
  onClose: () => void;
}) => (
  <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
    <Dialog.Portal>
      <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.7)] data-[state=open]:animate-appear" />
      <Dialog.Content
        aria-describedby={undefined}
        className="fixed inset-4 z-50 flex flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-float sm:inset-8"
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          opener()?.focus();
        }}
      >
        <div className="flex items-center justify-between gap-3 border-b border-line py-1.5 pr-2 pl-4">
          <Dialog.Title className="min-w-0 truncate font-medium">
            {label} <span className="font-normal text-ink-faint">· {caption}</span>
          </Dialog.Title>
          <Dialog.Close className={buttonClasses("ghost", "icon")} aria-label="Close the image" title="Close the image">
            <X aria-hidden className="size-4" />
          </Dialog.Close>
        </div>
        <div className="relative min-h-0 flex-1 bg-sunken">
          <img
            src={source}
            alt={label}
            className="absolute inset-2 m-auto max-h-[calc(100%-1rem)] max-w-[calc(100%-1rem)] object-contain"
          />
        </div>
      </Dialog.Content>
    </Dialog.Portal>
  </Dialog.Root>
);
