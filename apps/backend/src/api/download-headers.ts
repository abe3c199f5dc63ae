/** Kinds of pictures that are nothing but pixels: an SVG can hold a script. */
const IMAGES: Readonly<Record<string, string>> = {
  avif: "image/avif",
  bmp: "image/bmp",
  gif: "image/gif",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
};

/**
 * The headers for a file whose name and bytes are a stranger's: whatever it is, no browser takes it for a page of ours. A picture is said to be one when it
 * is to be shown; everything else is bytes to be saved. Pure.
 */
export const downloadHeaders = (path: string, { asImage }: { asImage: boolean }): Record<string, string> => {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(-150) || "file";
  const image = IMAGES[name.slice(name.lastIndexOf(".") + 1).toLowerCase()];
  const encoded = encodeURIComponent(name.replaceAll("%25", "%")).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return {
    "content-type": asImage && image !== undefined ? image : "application/octet-stream",
    "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
  };
};
