import { formatBytes } from "../../../ui/format.ts";
import { textOf } from "../../entries/json.ts";
import { Away } from "../away.tsx";
import { safeHref } from "../links.ts";
import { Markdown } from "../markdown.tsx";
import { Output } from "../output.tsx";
import { Result, type ToolProps } from "./result.tsx";
import { readWebFetch, readWebSearch } from "./web-result.ts";

/** A longer text of a page is shown as an output, which folds. */
const SAID_MAX = 4000;

const Said = ({ text, foldKey, folds }: { text: string; foldKey: string; folds: ToolProps["folds"] }) =>
  text.length > SAID_MAX ? (
    <Output text={text} foldKey={foldKey} folds={folds} label="What was read" />
  ) : (
    <div className="rounded-lg border border-line bg-sunken px-3 py-2">
      <Markdown text={text} />
    </div>
  );

/** A page that was fetched, and what was read out of it. */
export const FetchBody = ({ entry, folds }: ToolProps) => {
  const { input, result, key } = entry;
  const url = textOf(input.url) ?? "";
  const href = safeHref(url);
  const { code, codeText, bytes, said } = readWebFetch(entry);
  const facts = [code === null ? null : `${code} ${codeText}`.trim(), bytes === null ? null : formatBytes(bytes)];
  return (
    <div className="flex flex-col gap-2">
      <p className="[overflow-wrap:anywhere]">
        {href === null ? <code className="code">{url}</code> : <Away href={href}>{url}</Away>}
        <span className="nums text-xs text-ink-faint">
          {facts
            .filter((fact) => fact !== null)
            .map((fact) => ` · ${fact}`)
            .join("")}
        </span>
      </p>
      {textOf(input.prompt) !== null && <p className="text-ink-soft [overflow-wrap:anywhere]">Asked: {textOf(input.prompt)}</p>}
      {result !== null &&
        (result.isError || said.trim() === "" ? (
          <Result entry={entry} folds={folds} />
        ) : (
          <Said text={said} foldKey={`${key}:out`} folds={folds} />
        ))}
    </div>
  );
};

/** What a search of the web found: titles that may be followed. */
export const WebSearchBody = ({ entry, folds }: ToolProps) => {
  const { result, key } = entry;
  const { hits, said } = readWebSearch(entry);
  if (result?.isError === true) return <Result entry={entry} folds={folds} />;
  return (
    <div className="flex flex-col gap-2">
      {hits.length > 0 && (
        <ol aria-label="What was found" className="flex list-decimal flex-col gap-1.5 pl-5 marker:text-ink-faint">
          {hits.map(({ title, url, snippet }, index) => {
            const href = safeHref(url);
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: what one search found never changes
              <li key={index}>
                {href === null ? title : <Away href={href}>{title}</Away>}
                <p className="text-xs text-ink-faint [overflow-wrap:anywhere]">{url}</p>
                {snippet !== "" && <p className="text-ink-soft [overflow-wrap:anywhere]">{snippet}</p>}
              </li>
            );
          })}
        </ol>
      )}
      {said !== "" && <Said text={said} foldKey={`${key}:out`} folds={folds} />}
      {result !== null && hits.length === 0 && said === "" && <Result entry={entry} folds={folds} />}
    </div>
  );
};
