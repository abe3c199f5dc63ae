import type { ToolEntry } from "../../entries/entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "../../entries/json.ts";

export type Hit = { title: string; url: string; snippet: string };
export type WebSearch = { hits: readonly Hit[]; said: string };

const hitOf = ({ title, url, snippet, page_age: age }: JsonRecord): Hit[] => {
  const address = textOf(url);
  return address === null
    ? []
    : [{ title: textOf(title) ?? address, url: address, snippet: textOf(snippet) ?? textOf(age) ?? "" }];
};

/** `Links: [{"title": …, "url": …}]`, as it stands in the words for the model. */
const linksOf = (text: string): Hit[] =>
  [...text.matchAll(/^Links: (\[.*\])$/gm)].flatMap(([, json = ""]) => {
    try {
      const links: unknown = JSON.parse(json);
      return listOf(links).filter(isRecord).flatMap(hitOf);
    } catch {
      // Cut off in the middle: the words are shown as they are.
      return [];
    }
  });

/** What a search of the web found. Pure. */
export const readWebSearch = ({ result }: ToolEntry): WebSearch => {
  if (result === null) return { hits: [], said: "" };
  const results = listOf(recordOf(result.structured).results);
  const structured = results.filter(isRecord).flatMap(({ content }) => listOf(content).filter(isRecord).flatMap(hitOf));
  const words = results.filter((each) => typeof each === "string");
  // A search on the model's side gives its hits as blocks.
  const blocks = result.others.filter(({ type }) => type === "web_search_result").flatMap(hitOf);
  const hits = [...structured, ...blocks];
  if (hits.length > 0) return { hits, said: words.join("\n").trim() };
  const links = linksOf(result.text);
  return { hits: links, said: links.length > 0 ? result.text.replace(/^Links: \[.*\]$/gm, "").trim() : result.text };
};

/** How the server of a fetched page answered. Pure. */
export const readWebFetch = ({
  result,
}: ToolEntry): { code: number | null; codeText: string; bytes: number | null; said: string } => {
  const structured = recordOf(result?.structured);
  return {
    code: numberOf(structured.code),
    codeText: textOf(structured.codeText) ?? "",
    bytes: numberOf(structured.bytes),
    said: textOf(structured.result) ?? result?.text ?? "",
  };
};
