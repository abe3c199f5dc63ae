import { useRef, useState } from "react";
import { QuietPart } from "../../ui/boundary.tsx";
import { formatBytes } from "../../ui/format.ts";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { useOpened } from "../../ui/use-opened.ts";
import type { Picture } from "../entries/entry.ts";

// Few images are looked at closely, and most transcripts have none.
const PictureDialog = lazyPart(() => import("./picture-dialog.tsx").then(({ PictureDialog }) => PictureDialog));

/** Kinds of images that cannot hold a script. */
const TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

const bytesOf = (base64: string): number => Math.floor((base64.length * 3) / 4) - (/={0,2}$/.exec(base64)?.[0].length ?? 0);

const Shown = ({ picture: { mediaType, base64 }, label }: { picture: Picture; label: string }) => {
  const [size, setSize] = useState<{ width: number; height: number } | null>(null);
  const [broken, setBroken] = useState(false);
  const { isOpen, setOpen, open, failed } = useOpened(PictureDialog);
  const button = useRef<HTMLButtonElement>(null);
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
      <button
        ref={button}
        type="button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-label={`${label}, ${caption}: show it large`}
        onClick={open}
        className="flex h-40 max-w-full min-w-24 items-center justify-center self-start rounded-lg border border-line bg-sunken p-1 hover:border-line-strong"
      >
        <img
          src={source}
          alt=""
          className="max-h-38 max-w-full rounded object-contain"
          onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => setSize({ width, height })}
          onError={() => setBroken(true)}
        />
      </button>
      {isOpen && (
        <QuietPart name="image" onFailed={failed}>
          <PictureDialog
            source={source}
            label={label}
            caption={caption}
            opener={() => button.current}
            onClose={() => setOpen(false)}
          />
        </QuietPart>
      )}
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
