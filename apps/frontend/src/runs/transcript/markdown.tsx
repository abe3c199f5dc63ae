import { Lexer, type Token, type Tokens } from "marked";
import { createElement, Fragment, memo, type ReactNode } from "react";
import { CopyButton } from "../../ui/copy-button.tsx";
import { safeHref } from "./links.ts";

/** Longer texts are shown as they are: nobody reads them as a page, and parsing them would hold it up. */
const LENGTH_MAX = 100_000;
/** Deeper nesting is shown as text: it is no writing but an attack on the stack. */
const DEPTH_MAX = 24;

const parse = (text: string): readonly Token[] | null => {
  if (text.length > LENGTH_MAX) return null;
  try {
    return new Lexer({ gfm: true, breaks: false }).lex(text);
  } catch {
    // What the parser cannot take (nesting without end) is still readable as plain text.
    return null;
  }
};

const keyed = (nodes: readonly ReactNode[]): ReactNode =>
  nodes.map((node, index) => <Fragment key={String(index)}>{node}</Fragment>);

const childrenOf = (token: Token): readonly Token[] => ("tokens" in token && Array.isArray(token.tokens) ? token.tokens : []);

const textOfToken = (token: Token): string => ("text" in token && typeof token.text === "string" ? token.text : token.raw);

const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
/** The parser leaves the entities of a text as they were written. */
const decodeEntities = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);

const renderInline = (tokens: readonly Token[], depth: number): ReactNode => keyed(tokens.map((token) => inline(token, depth)));

const inline = (token: Token, depth: number): ReactNode => {
  if (depth > DEPTH_MAX) return token.raw;
  const inner = (): ReactNode => renderInline(childrenOf(token), depth + 1);
  switch (token.type) {
    case "strong":
      return <strong>{inner()}</strong>;
    case "em":
      return <em>{inner()}</em>;
    case "del":
      return <del>{inner()}</del>;
    case "codespan":
      return <code className="code rounded bg-hover px-1 py-0.5 [overflow-wrap:anywhere]">{textOfToken(token)}</code>;
    case "br":
      return <br />;
    case "link": {
      const href = safeHref("href" in token ? token.href : null);
      if (href === null) return token.raw;
      return (
        <a
          href={href}
          target="_blank"
          rel="noopener noreferrer"
          className="text-accent underline underline-offset-2 [overflow-wrap:anywhere]"
        >
          {inner()}
        </a>
      );
    }
    // Nothing is loaded from elsewhere, and HTML is shown and not obeyed.
    case "image":
    case "html":
      return token.raw;
    case "text":
      return childrenOf(token).length > 0 ? inner() : decodeEntities(textOfToken(token));
    default:
      return decodeEntities(textOfToken(token));
  }
};

const HEADINGS: readonly string[] = ["text-lg", "text-base", "text-base", "text-sm", "text-sm", "text-sm"];

const isList = (token: Token): token is Tokens.List => token.type === "list";
const isTable = (token: Token): token is Tokens.Table => token.type === "table";
const isHeading = (token: Token): token is Tokens.Heading => token.type === "heading";

const list = (token: Tokens.List, depth: number): ReactNode => {
  const items = token.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the items of one text never move
    <li key={index} className={item.task ? "list-none" : ""}>
      {item.task && (
        <input
          type="checkbox"
          checked={item.checked === true}
          readOnly
          disabled
          aria-label="done"
          className="mr-2 -ml-5 align-middle"
        />
      )}
      {renderBlocks(item.tokens, depth + 1)}
    </li>
  ));
  const className = "my-1.5 flex flex-col gap-1 pl-5 marker:text-ink-faint";
  return token.ordered ? (
    <ol start={Number(token.start) || 1} className={`list-decimal ${className}`}>
      {items}
    </ol>
  ) : (
    <ul className={`list-disc ${className}`}>{items}</ul>
  );
};

const cells = (row: readonly Tokens.TableCell[], Cell: "td" | "th", depth: number): ReactNode =>
  row.map((cell, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the cells of one text never move
    <Cell key={index}>{renderInline(cell.tokens, depth + 1)}</Cell>
  ));

const table = (token: Tokens.Table, depth: number): ReactNode => (
  <div className="my-2 overflow-x-auto">
    <table className="border-collapse text-left [&_td]:border [&_td]:border-line [&_td]:px-2.5 [&_td]:py-1 [&_th]:border [&_th]:border-line [&_th]:bg-sunken [&_th]:px-2.5 [&_th]:py-1">
      <thead>
        <tr>{cells(token.header, "th", depth)}</tr>
      </thead>
      <tbody>
        {token.rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the rows of one text never move
          <tr key={index}>{cells(row, "td", depth)}</tr>
        ))}
      </tbody>
    </table>
  </div>
);

const block = (token: Token, depth: number): ReactNode => {
  if (depth > DEPTH_MAX) return token.raw;
  if (isHeading(token)) {
    const className = `mt-3 mb-1 font-semibold first:mt-0 ${HEADINGS[token.depth - 1] ?? "text-sm"}`;
    // The page's own headings are above: those of a text begin two levels below.
    return createElement(`h${Math.min(6, token.depth + 2)}`, { className }, renderInline(token.tokens, depth + 1));
  }
  if (isList(token)) return list(token, depth);
  if (isTable(token)) return table(token, depth);
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "hr":
      return <hr className="my-3 border-line" />;
    case "code": {
      const text = textOfToken(token);
      return (
        <div className="group/code relative my-2">
          <pre className="code overflow-x-auto rounded-lg border border-line bg-sunken px-3 py-2.5">{text}</pre>
          <span className="absolute top-1.5 right-1.5 opacity-0 group-focus-within/code:opacity-100 group-hover/code:opacity-100">
            <CopyButton text={() => text} label="Copy the code" />
          </span>
        </div>
      );
    }
    case "blockquote":
      return (
        <blockquote className="my-2 border-l-2 border-line pl-3 text-ink-soft">
          {renderBlocks(childrenOf(token), depth + 1)}
        </blockquote>
      );
    case "paragraph":
      return <p className="my-1.5 first:mt-0 last:mb-0">{renderInline(childrenOf(token), depth + 1)}</p>;
    case "html":
      return <p className="my-1.5 whitespace-pre-wrap">{token.raw}</p>;
    default:
      return inline(token, depth);
  }
};

const renderBlocks = (tokens: readonly Token[], depth: number): ReactNode => keyed(tokens.map((token) => block(token, depth)));

const inlinePlain = (token: Token, depth: number): ReactNode => {
  const inner = (): ReactNode => keyed(childrenOf(token).map((child) => inlinePlain(child, depth + 1)));
  if (depth > DEPTH_MAX) return token.raw;
  if (token.type === "link") return childrenOf(token).length > 0 ? inner() : textOfToken(token);
  if (token.type === "strong") return <strong className="font-semibold">{inner()}</strong>;
  if (token.type === "em") return <em>{inner()}</em>;
  if (token.type === "br") return "\n";
  return childrenOf(token).length > 0 ? inner() : inline(token, depth);
};

/** Markdown in the middle of a line or a button: emphasis and code are drawn, links are their text, and its lines stay as written. */
export const InlineMarkdown = memo(({ text }: { text: string }) => {
  if (text.length > LENGTH_MAX) return text;
  try {
    return keyed(Lexer.lexInline(text.replace(/^#{1,6} +/gm, "")).map((token) => inlinePlain(token, 0)));
  } catch {
    // As above: what cannot be parsed can still be read.
    return text;
  }
});

/** Text of the agent as markdown. HTML is shown as text, links lead to http(s) and mailto only, nothing is loaded. */
export const Markdown = memo(({ text }: { text: string }) => {
  const tokens = parse(text);
  return (
    <div className="text-base [overflow-wrap:anywhere]">
      {tokens === null ? <p className="whitespace-pre-wrap">{text}</p> : renderBlocks(tokens, 0)}
    </div>
  );
});
