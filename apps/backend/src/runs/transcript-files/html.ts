import type { Part, TranscriptRun } from "./parts.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");

const STYLE = `:root{color-scheme:light dark;--line:light-dark(#ddd,#3a3d45);--soft:light-dark(#555,#b3b6bd);--bad:light-dark(#b3261e,#ff8a80);--sunken:light-dark(#f5f5f7,#1d1f24)}
body{max-width:60rem;margin:2rem auto;padding:0 1rem;font:15px/1.5 system-ui,sans-serif}
section{margin:.75rem 0}section.inside{margin-left:1.5rem;padding-left:.75rem;border-left:2px solid var(--line)}
h2{margin-top:2rem;border-top:1px solid var(--line);padding-top:1rem}
p,div.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:.25rem 0}
pre{background:var(--sunken);border:1px solid var(--line);border-radius:6px;padding:.5rem .75rem;max-height:40rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}
.who{font-weight:600}.soft,time,a.at{color:var(--soft)}.bad{color:var(--bad)}a.at{font-size:12px;text-decoration:none;float:right}summary{cursor:pointer}`;

/** The beginning of a page that stands by itself: no script, and nothing is loaded from anywhere. */
export const htmlHead = (run: TranscriptRun): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(run.taskName)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(run.taskName)}</h1>
<p class="soft">Run ${escaped(run.id)} on ${escaped(run.repository)}, launched ${escaped(run.createdAt)}.</p>
${run.sentence === null ? "" : `<p>${escaped(run.sentence)}</p>\n`}`;

export const HTML_FOOT = "</body>\n</html>\n";

const body = (part: Part): string => {
  switch (part.kind) {
    case "heading":
      return `<h2>${escaped(part.text)}</h2>`;
    case "line":
      return `<p class="${part.isError ? "bad" : "soft"}">${escaped(part.text)}</p>`;
    case "said":
      return `<p class="who">${escaped(part.who)}</p><div class="text">${escaped(part.text)}</div>`;
    case "thought":
      return `<details><summary class="soft">Thinking</summary><div class="text soft">${escaped(part.text)}</div></details>`;
    case "block":
      return `<details${part.isError ? " open" : ""}><summary class="${part.isError ? "who bad" : "who"}">${escaped(part.title)}</summary><pre>${escaped(part.text)}</pre></details>`;
  }
};

/** A part as HTML; everything in it is text. The first part of a message has its anchor. */
export const htmlOf = (part: Part, isFirst: boolean): string =>
  `<section${isFirst ? ` id="m${part.seq}"` : ""}${part.isInside ? ' class="inside"' : ""}><a class="at" href="#m${part.seq}" title="${escaped(part.at)}">${part.seq}</a>${body(part)}</section>\n`;
