import { Lexer, type Token, type Tokens } from "marked";
import { createElement, Fragment, memo, type ReactNode } from "react";
import { CodeBlock } from "../../code/code.tsx";
import { languageNamed } from "../../code/languages.ts";
import { Away } from "./away.tsx";
import { decodeEntities } from "./entities.ts";
import { safeHref } from "./links.ts";
import { settleMarkdown } from "./settle.ts";

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
      return href === null ? token.raw : <Away href={href}>{inner()}</Away>;
    }
    // Nothing is loaded from elsewhere: where an image lies can be followed.
    case "image": {
      const href = safeHref("href" in token ? token.href : null);
      return href === null ? token.raw : <Away href={href}>Image: {textOfToken(token) || href}</Away>;
    }
    case "checkbox":
      return <Checkbox checked={"checked" in token && token.checked === true} />;
    // HTML is shown and not obeyed.
    case "html":
      return token.raw;
    case "text":
      return childrenOf(token).length > 0 ? inner() : decodeEntities(textOfToken(token));
    default:
      return decodeEntities(textOfToken(token));
  }
};

const Checkbox = ({ checked }: { checked: boolean }) => (
  <input
    type="checkbox"
    checked={checked}
    readOnly
    disabled
    aria-label={checked ? "Done" : "To do"}
    className="mr-2 -ml-5 align-middle"
  />
);

const HEADINGS: readonly string[] = ["text-lg", "text-base", "text-base", "text-sm", "text-sm", "text-sm"];

const isList = (token: Token): token is Tokens.List => token.type === "list";
const isTable = (token: Token): token is Tokens.Table => token.type === "table";
const isHeading = (token: Token): token is Tokens.Heading => token.type === "heading";

const list = (token: Tokens.List, depth: number): ReactNode => {
  const items = token.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the items of one text never move
    <li key={index} className={item.task ? "list-none" : ""}>
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
    <Cell key={index} style={cell.align === null ? undefined : { textAlign: cell.align }}>
      {renderInline(cell.tokens, depth + 1)}
    </Cell>
  ));

const table = (token: Tokens.Table, depth: number): ReactNode => (
  <section
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    tabIndex={0}
    aria-label="Table"
    className="inset-ring-focus my-2 overflow-x-auto rounded"
  >
    <table className="border-collapse text-left [overflow-wrap:break-word] [&_td]:border [&_td]:border-line [&_td]:px-2.5 [&_td]:py-1 [&_th]:border [&_th]:border-line [&_th]:bg-sunken [&_th]:px-2.5 [&_th]:py-1">
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
  </section>
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
      const name = "lang" in token && typeof token.lang === "string" ? token.lang : "";
      return (
        <div className="my-2">
          <CodeBlock code={textOfToken(token)} language={languageNamed(name)} name={name.split(/[\s{,]/, 1)[0] ?? ""} />
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

/** One block of a text; drawn again only when its own text changed, however much is written behind it. */
const Block = memo(
  ({ token }: { token: Token }) => block(token, 0),
  (before, after) => before.token.raw === after.token.raw && before.token.type === after.token.type,
);

/**
 * Text of the agent as markdown. HTML is shown as text, links lead to http(s) and mailto only, nothing is loaded. While it is
 * `streaming`, more of it comes: what is half written is drawn as it will be.
 */
export const Markdown = memo(({ text, streaming = false }: { text: string; streaming?: boolean }) => {
  const tokens = parse(streaming ? settleMarkdown(text) : text);
  return (
    <div className="text-base [overflow-wrap:anywhere]">
      {tokens === null ? (
        <p className="whitespace-pre-wrap">{text}</p>
      ) : (
        // biome-ignore lint/suspicious/noArrayIndexKey: the blocks of one text never move
        tokens.map((token, index) => <Block key={index} token={token} />)
      )}
    </div>
  );
});
