import type { ThemeRegistrationAny } from "@shikijs/primitive";

/** What a piece of code can be, as far as colours tell it. The order is what the worker's answers count in. */
export const KINDS = [
  "plain",
  "comment",
  "keyword",
  "string",
  "number",
  "function",
  "type",
  "variable",
  "tag",
  "punctuation",
  "added",
  "removed",
  "heading",
] as const;
export type Kind = (typeof KINDS)[number];

const SCOPES: Record<Exclude<Kind, "plain">, string[]> = {
  comment: ["comment", "punctuation.definition.comment", "string.quoted.docstring"],
  keyword: [
    "keyword",
    "storage",
    "storage.type",
    "variable.language",
    "keyword.operator.new",
    "keyword.operator.expression",
    "keyword.control",
    "punctuation.definition.keyword",
  ],
  string: ["string", "punctuation.definition.string", "markup.inline.raw", "markup.fenced_code", "constant.other.symbol"],
  number: ["constant", "support.constant", "constant.numeric", "constant.language", "constant.character.escape"],
  function: [
    "entity.name.function",
    "support.function",
    "meta.function-call.generic",
    "variable.function",
    "entity.name.command",
  ],
  type: [
    "entity.name.type",
    "entity.name.class",
    "support.type",
    "support.class",
    "entity.other.inherited-class",
    "storage.type.cs",
  ],
  variable: ["variable.parameter", "support.variable", "variable.other.readwrite.alias", "variable.other.property"],
  tag: [
    "entity.name.tag",
    "entity.other.attribute-name",
    "support.type.property-name",
    "meta.object-literal.key",
    "punctuation.support.type.property-name",
    "keyword.other.definition.ini",
  ],
  punctuation: ["punctuation", "meta.brace", "keyword.operator", "keyword.operator.arithmetic"],
  added: ["markup.inserted", "meta.diff.header.to-file"],
  removed: ["markup.deleted", "meta.diff.header.from-file"],
  heading: ["markup.heading", "entity.name.section", "markup.bold", "meta.diff.range"],
};

/** A colour that stands for a kind; it is never seen. */
const colorOf = (index: number): string => `#0000${index.toString(16).padStart(2, "0")}`;

/** A theme whose colours name kinds: the page's own styles say how each looks, in light and in dark. */
export const kindTheme: ThemeRegistrationAny = {
  name: "kinds",
  type: "light",
  colors: { "editor.foreground": colorOf(0), "editor.background": "#ffffff" },
  settings: [
    { settings: { foreground: colorOf(0), background: "#ffffff" } },
    ...KINDS.flatMap((kind, index) =>
      kind === "plain" ? [] : [{ scope: SCOPES[kind], settings: { foreground: colorOf(index) } }],
    ),
    // Inside of a template's `${}` is code again.
    { scope: ["meta.template.expression", "meta.embedded", "source.groovy.embedded"], settings: { foreground: colorOf(0) } },
  ],
};

/** The place among the kinds that a colour of the theme stands for. */
export const kindIndexOf = (color: string | undefined): number => {
  const index = color === undefined ? 0 : Number.parseInt(color.slice(-2), 16);
  return index < KINDS.length ? index : 0;
};
