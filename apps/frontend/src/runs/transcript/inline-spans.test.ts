import { expect, test } from "vitest";
import { type InlineSpan, inlineSpans } from "./inline-spans.ts";

const html = (spans: readonly InlineSpan[]): string =>
  spans
    .map((span) => {
      if (span.kind === "text") return span.text;
      if (span.kind === "code") return `<code>${span.text}</code>`;
      return `<${span.kind}>${html(span.inside)}</${span.kind}>`;
    })
    .join("");

test.each([
  ["plain words", "plain words"],
  ["**bold** and *it* and __bold__ and _it_", "<strong>bold</strong> and <em>it</em> and <strong>bold</strong> and <em>it</em>"],
  ["**bold *both***", "<strong>bold <em>both</em></strong>"],
  ["`a*b*` ``x`y`` ` z `", "<code>a*b*</code> <code>x`y</code> <code>z</code>"],
  ["snake_case_name, 2 * 3 * 4, **open", "snake_case_name, 2 * 3 * 4, **open"],
  ["[words](https://x.test) and [none] and ![image](x.png)", "words and [none] and ![image](x.png)"],
  ["[**b**](x) ~~gone~~ \\*not\\*", "<strong>b</strong> gone *not*"],
  ["a &amp; b &#8364; &unknown;", "a & b € &unknown;"],
  ["`open\n- line", "`open\n- line"],
  ["", ""],
])("%j is drawn as %j", (text, drawn) => {
  expect(html(inlineSpans(text))).toBe(drawn);
});

test("a text that is made to be slow, or nested without end, is read all the same", () => {
  for (const part of ["**a ", "[(", "`a ", "*_", "[a](", "**", "\\"]) {
    const text = part.repeat(5000);
    expect(html(inlineSpans(text)).length).toBeGreaterThan(0);
  }
});
