import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import { useState } from "react";
import { buttonClasses } from "../../ui/button.tsx";
import { formatBytes } from "../../ui/format.ts";
import type { Picture } from "../entries/entry.ts";

/** Kinds of images that cannot hold a script. */
const TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

const bytesOf = (base64: string): number => Math.floor((base64.length * 3) / 4) - (/={0,2}$/.exec(base64)?.[0].length ?? 0);

const Shown = ({ picture: { mediaType, base64 }, label }: { picture: Picture; label: string }) => {
  const [size, setSize] = useState<{ width: number; height: number } | null>(null);
  const [broken, setBroken] = useState(false);
  const source = `data:${mediaType};base64,${base64}`;
  const facts = [
    mediaType.replace("image/", "").toUpperCase(),
    size === null ? null : `${size.width} × ${size.height}`,
    formatBytes(bytesOf(base64)),
  ];
  const caption = facts.filter((fact) => fact !== null).join(" · ");
  if (broken) return <p className="text-xs text-ink-faint">{label}: the image cannot be shown. It may be cut off.</p>;
  return (
    <figure className="flex flex-col gap-1 self-start">
      <Dialog.Root>
        <Dialog.Trigger
          aria-label={`${label}, ${caption}: show it large`}
          className="flex h-40 max-w-full min-w-24 items-center justify-center self-start rounded-lg border border-line bg-sunken p-1 hover:border-line-strong"
        >
          <img
            src={source}
            alt=""
            className="max-h-38 max-w-full rounded object-contain"
            onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => setSize({ width, height })}
            onError={() => setBroken(true)}
          />
        </Dialog.Trigger>
        <Dialog.Portal>
          <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.7)] data-[state=open]:animate-appear" />
          <Dialog.Content
            aria-describedby={undefined}
            className="fixed inset-4 z-50 flex flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-float sm:inset-8"
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
      <figcaption aria-hidden className="nums text-xs text-ink-faint">
        {caption}
      </figcaption>
    </figure>
  );
};

/** Images that a message or a result holds; each opens large, and Esc closes it. */
export const Pictures = ({ pictures, label }: { pictures: readonly Picture[]; label: string }) =>
  pictures.length === 0 ? null : (
    <div className="flex flex-wrap gap-3">
      {pictures.map((picture, index) => {
        const name = pictures.length === 1 ? label : `${label} ${index + 1}`;
        return TYPES.has(picture.mediaType) ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the images of one entry never change
          <Shown key={index} picture={picture} label={name} />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <p key={index} className="text-xs text-ink-faint">
            {name}: an image of the kind {picture.mediaType}, which is not shown ({formatBytes(bytesOf(picture.base64))})
          </p>
        );
      })}
    </div>
  );
