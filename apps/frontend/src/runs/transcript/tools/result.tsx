import { useMemo } from "react";
import { formatBytes } from "../../../ui/format.ts";
import type { ToolEntry } from "../../entries/entry.ts";
import { isRecord, type JsonRecord, recordOf, textOf } from "../../entries/json.ts";
import { toolSubject } from "../../entries/tool-subject.ts";
import type { Folds } from "../../page/use-run-stream.ts";
import { Away } from "../away.tsx";
import { safeHref } from "../links.ts";
import { Output } from "../output.tsx";
import { Pictures } from "../picture.tsx";
import { TreeView } from "../tree-view.tsx";

/** What every tool's part of an entry is given. */
export type ToolProps = { entry: ToolEntry; folds: Folds; runEnded: boolean };

/** Longer texts are not tried to be read as JSON. */
const JSON_MAX = 200_000;

const parsed = (text: string): unknown => {
  if (text.length > JSON_MAX || !/^\s*[{[]/.test(text)) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    // No JSON after all.
    return null;
  }
};

/** A text of a result: JSON as a tree, everything else as it is. */
export const ResultText = ({
  text,
  foldKey,
  folds,
  label = "Result",
  isError = false,
}: {
  text: string;
  foldKey: string;
  folds: Folds;
  label?: string;
  isError?: boolean;
}) => {
  const value = useMemo(() => parsed(text), [text]);
  if (value !== null && !isError) return <TreeView value={value} foldKey={foldKey} folds={folds} label={label} />;
  return <Output text={text} isError={isError} foldKey={foldKey} folds={folds} label={label} />;
};

const Link = ({ uri, name }: { uri: string; name: string }) => {
  const href = safeHref(uri);
  return href === null ? <code className="code [overflow-wrap:anywhere]">{uri}</code> : <Away href={href}>{name}</Away>;
};

/** A block of a result that is neither text nor an image. */
const Block = ({ block, foldKey, folds }: { block: JsonRecord; foldKey: string; folds: Folds }) => {
  const resource = recordOf(block.resource);
  const source = recordOf(block.source);
  const name = textOf(block.title) ?? textOf(block.name);
  switch (block.type) {
    case "resource_link":
      return (
        <p className="text-ink-soft">
          Resource <Link uri={textOf(block.uri) ?? ""} name={name ?? textOf(block.uri) ?? "resource"} />
          {textOf(block.mimeType) !== null && <span className="text-xs text-ink-faint"> · {textOf(block.mimeType)}</span>}
        </p>
      );
    case "resource": {
      const text = textOf(resource.text);
      return (
        <div className="flex flex-col gap-1">
          <p className="text-ink-soft">
            Resource <Link uri={textOf(resource.uri) ?? ""} name={textOf(resource.uri) ?? "resource"} />
          </p>
          {text === null ? (
            <p className="text-xs text-ink-faint">{textOf(resource.mimeType) ?? "Binary"} data, which is not shown</p>
          ) : (
            <ResultText text={text} foldKey={foldKey} folds={folds} label="Resource" />
          )}
        </div>
      );
    }
    case "audio":
    case "document": {
      const size = textOf(source.data) ?? textOf(block.data);
      const text = source.type === "text" ? size : null;
      return (
        <div className="flex flex-col gap-1">
          <p className="text-ink-soft">
            {block.type === "audio" ? "Audio" : "Document"}
            {name === null ? "" : ` ${name}`}
            <span className="text-xs text-ink-faint">
              {[textOf(source.media_type) ?? textOf(block.mimeType), size === null ? null : formatBytes((size.length * 3) / 4)]
                .filter((fact) => fact !== null)
                .map((fact) => ` · ${fact}`)
                .join("")}
            </span>
          </p>
          {text !== null && <Output text={text} foldKey={foldKey} folds={folds} label="Document" />}
        </div>
      );
    }
    case "tool_reference":
      return (
        <p className="text-ink-soft">
          Tool <code className="code">{textOf(block.tool_name) ?? "?"}</code>
        </p>
      );
    default:
      return <TreeView value={block} foldKey={foldKey} folds={folds} label="Result" />;
  }
};

/** All that a call gave: its text, its images, and blocks of any other kind. */
export const Result = ({ entry, folds, label = "Result" }: { entry: ToolEntry; folds: Folds; label?: string }) => {
  const { result, key } = entry;
  if (result === null || result.interrupted) return null;
  const { text, images, others, isError } = result;
  const isEmpty = text.trim() === "" && (images.length > 0 || others.length > 0);
  return (
    <div className="flex flex-col gap-2">
      {!isEmpty && <ResultText text={text} isError={isError} foldKey={`${key}:out`} folds={folds} label={label} />}
      <Pictures pictures={images} label="Image" />
      {others.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the blocks of one result never change
        <Block key={index} block={block} foldKey={`${key}:block${index}`} folds={folds} />
      ))}
    </div>
  );
};

/** Whether the line of a call says all that it was given. */
const isSaid = ({ name, input, about }: ToolEntry): boolean => {
  const values = Object.values(input);
  return values.length === 0 || (values.length === 1 && values[0] === toolSubject(name, input, about));
};

/** A tool that the page knows nothing of, or whose arguments are all there is to say. */
export const AnyBody = ({ entry, folds }: ToolProps) => {
  const structured = entry.result?.structured;
  const content = isRecord(structured) ? structured.structuredContent : undefined;
  return (
    <div className="flex flex-col gap-2">
      {!isSaid(entry) && <TreeView value={entry.input} foldKey={`${entry.key}:in`} folds={folds} label="Arguments" />}
      {content !== undefined && entry.result?.text.trim() === "" ? (
        <TreeView value={content} foldKey={`${entry.key}:out`} folds={folds} label="Result" />
      ) : (
        <Result entry={entry} folds={folds} />
      )}
    </div>
  );
};
