/** What stands in the place of a secret. */
const HIDDEN = "***";

// A shorter one would be found in innocent text, and is no secret worth the name; in a URL it is hidden all the same.
const MIN_LENGTH = 6;

export type Mask = {
  /** The text without any secret: as it is, or in the encodings in which secrets travel. Pure but for `add`. */
  hide(text: string): string;
  /** Hides these too, from now on. */
  add(secrets: readonly string[]): void;
};

/** Credentials that were never told to us, by the way in which they are written. The first group stays. */
const SHAPES = [
  // The password of a URL, as far as its last @: a password may hold one.
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*:)[^\s/?#"'`<>]+(?=@)/gi,
  /(\b(?:bearer|basic)\s+)[\w.~+/-]{8,}=*/gi,
  /([?&](?:token|password|api_key|access_token)=)[^&\s"'`<>#]+/gi,
];

/** Hides secrets in whatever is to be logged. */
export const createMask = (secrets: readonly string[]): Mask => {
  const forms = new Set<string>();
  let known: RegExp | null = null;
  const add = (more: readonly string[]): void => {
    for (const secret of more) {
      if (secret.length < MIN_LENGTH) continue;
      for (const form of secretForms(secret)) forms.add(form);
    }
    // The longest first: a secret may hold another one.
    const all = [...forms].toSorted((a, b) => b.length - a.length).map((form) => RegExp.escape(form));
    known = all.length === 0 ? null : new RegExp(all.join("|"), "g");
  };
  add(secrets);
  return {
    hide(text) {
      const plain = known === null ? text : text.replace(known, HIDDEN);
      return SHAPES.reduce((rest, shape) => rest.replace(shape, `$1${HIDDEN}`), plain);
    },
    add,
  };
};

/** A secret, and the encodings in which secrets travel. Pure. */
export const secretForms = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  const encoded = encodeURIComponent(secret);
  const inBase64 = [0, 1, 2].map((before) => insideBase64(bytes, before));
  return [
    secret,
    encoded,
    encoded.replace(/%../g, (code) => code.toLowerCase()),
    encoded.replaceAll("%20", "+"),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString("hex"),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
};

/** How the bytes look in the base64 of something longer, `before` bytes modulo three after its begin: without the characters that their neighbours share. */
const insideBase64 = (bytes: Buffer, before: number): string => {
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  const sharedAtEnd = (bytes.length + before) % 3 === 0 ? 0 : 1;
  return text.slice([0, 2, 3][before], text.length - sharedAtEnd);
};
