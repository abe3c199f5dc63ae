import { Fragment, memo, type ReactNode } from "react";
import { CopyButton } from "../ui/copy-button.tsx";
import type { Piece } from "./highlight.ts";
import type { Kind } from "./kinds.ts";
import type { Language } from "./languages.ts";
import { useHighlighted } from "./use-highlighted.ts";

const CLASSES: Record<Kind, string | undefined> = {
  plain: undefined,
  comment: "text-code-comment italic",
  keyword: "text-code-keyword",
  string: "text-code-string",
  number: "text-code-number",
  function: "text-code-function",
  type: "text-code-type",
  variable: "text-code-variable",
  tag: "text-code-tag",
  punctuation: "text-code-punctuation",
  added: "text-ok",
  removed: "text-bad",
  heading: "text-code-keyword font-semibold",
};

/** One line of code in its colours; the plain text as long as there are none. */
export const CodePieces = ({ pieces, text }: { pieces: readonly Piece[] | undefined; text: string }): ReactNode =>
  pieces === undefined
    ? text
    : pieces.map(({ text: part, kind }, index) => {
        const className = CLASSES[kind];
        return className === undefined ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text have no other name
          <Fragment key={index}>{part}</Fragment>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <span key={index} className={className}>
            {part}
          </span>
        );
      });

/** Code in the middle of other text: its colours come when they are there, the text at once. Wraps and scrolls as its place says. */
export const CodeText = memo(({ code, language }: { code: string; language: Language | null }) => {
  const lines = useHighlighted(code, language);
  if (lines === null) return code;
  return lines.map((pieces, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one text never move
    <Fragment key={index}>
      {index > 0 && "\n"}
      <CodePieces pieces={pieces} text="" />
    </Fragment>
  ));
});

/** A block of code that scrolls inside of itself, with its language's name and a button that copies it. */
export const CodeBlock = ({ code, language, name = "" }: { code: string; language: Language | null; name?: string }) => (
  <div className="relative rounded-lg border border-line bg-sunken">
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={name === "" ? "Code" : `Code, ${name}`}
      className="inset-ring-focus max-h-[70vh] overflow-auto rounded-lg"
    >
      <pre className="code w-max min-w-full px-3 py-2.5 pr-12">
        <code>
          <CodeText code={code} language={language} />
        </code>
      </pre>
    </section>
    <span className="absolute top-1 right-1 flex items-center rounded-md bg-sunken">
      {name !== "" && (
        <span aria-hidden className="hidden px-1 text-2xs text-ink-faint sm:inline">
          {name}
        </span>
      )}
      <CopyButton text={() => code} label="Copy the code" />
    </span>
  </div>
);
