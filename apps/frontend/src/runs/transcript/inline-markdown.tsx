import { Fragment, memo, type ReactNode } from "react";
import { type InlineSpan, inlineSpans } from "./inline-spans.ts";

/** Longer texts are shown as they are. */
const LENGTH_MAX = 20_000;

const drawSpan = (span: InlineSpan): ReactNode => {
  switch (span.kind) {
    case "text":
      return span.text;
    case "code":
      return <code className="code rounded bg-hover px-1 py-0.5 [overflow-wrap:anywhere]">{span.text}</code>;
    case "strong":
      return <strong className="font-semibold">{draw(span.inside)}</strong>;
    case "em":
      return <em>{draw(span.inside)}</em>;
  }
};

const draw = (spans: readonly InlineSpan[]): ReactNode =>
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never move
  spans.map((span, index) => <Fragment key={index}>{drawSpan(span)}</Fragment>);

/**
 * Markdown in the middle of a line or a button: emphasis and code are drawn, links are their text, and its lines stay as written. It does
 * without the parser of whole texts, which is only fetched with the transcript's entries.
 */
export const InlineMarkdown = memo(({ text }: { text: string }) =>
  text.length > LENGTH_MAX ? text : draw(inlineSpans(text.replace(/^#{1,6} +/gm, ""))),
);
