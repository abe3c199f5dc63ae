import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { ToastProvider } from "../../ui/toast.tsx";
import { InlineMarkdown } from "./inline-markdown.tsx";
import { safeHref } from "./links.ts";
import { Markdown } from "./markdown.tsx";

const html = (text: string): string =>
  renderToStaticMarkup(
    <ToastProvider>
      <Markdown text={text} />
    </ToastProvider>,
  );

describe("what the agent writes", () => {
  test("becomes headings, lists, tables, code and links", () => {
    const page = html(
      "# T\n\n- a\n- [x] b\n\n| h |\n|---|\n| `c` |\n\n```js\n1 < 2 && 3\n```\n\n[x](https://a.test/?a=1&b=2) **s** _e_ a & b &lt; `&lt;`",
    );
    for (const part of [
      "<h3",
      "<ul",
      'type="checkbox"',
      "<table",
      "1 &lt; 2 &amp;&amp; 3",
      'href="https://a.test/?a=1&amp;b=2"',
      "<strong>s",
      "<em>e",
      "a &amp; b &lt; ",
      ">&amp;lt;</code>",
    ]) {
      expect(page).toContain(part);
    }
    expect(page).toContain('rel="noopener noreferrer"');
    expect(page).not.toContain("[x]");
  });

  test("is never obeyed as HTML", () => {
    const page = html(
      '<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b\n\n<iframe src="https://x.test"></iframe>\n\n![i](https://x.test/track.png)',
    );
    for (const tag of ["<script", "<img", "<iframe"]) expect(page).not.toContain(tag);
    expect(page).toContain("&lt;script&gt;");
    // Where the image lies can be followed; it is not loaded.
    expect(page).toContain(">Image: i</a>");
  });

  test("cannot lead to scripts, data or this server's own pages", () => {
    const page = html(
      "[a](javascript:alert(1)) [b](data:text/html,x) [c](/login) [d](vbscript:x) <javascript:alert(1)> [e](JaVaScRiPt:x)",
    );
    expect(page).not.toContain("href=");
    expect(["https://a.test/", "mailto:a@b.test", "http://x.test/y"].map(safeHref)).not.toContain(null);
    expect(
      ["javascript:x", " java\nscript:x", "//evil.test", "file:///etc", "", 7, null].map(safeHref).every((href) => href === null),
    ).toBe(true);
  });

  test("may be nested without end or far too long", () => {
    expect(html(`${"> ".repeat(5000)}x`)).toContain("&gt;");
    expect(html(`${"*a ".repeat(60_000)}`)).toContain("whitespace-pre-wrap");
  });
});

test("what is still being written is drawn as it will be", () => {
  const streamed = (text: string): string =>
    renderToStaticMarkup(
      <ToastProvider>
        <Markdown text={text} streaming />
      </ToastProvider>,
    );
  expect(streamed("It is **impor")).toContain("<strong>impor</strong>");
  expect(streamed("See [the doc](https://exam")).not.toContain("https");
  expect(streamed("A line\n-")).not.toContain("<h");
  expect(streamed("```ts\nconst a = `b")).toContain("const a = `b");
  expect(streamed("- [ ] one\n- [x] tw").match(/type="checkbox"/g)).toHaveLength(2);
  for (let length = 0; length < 5000; length += 997) expect(() => streamed("[(*_`~|".repeat(length))).not.toThrow();
});

test("inside of a line only emphasis and code are drawn; links are their text, and lines stay", () => {
  const html = renderToStaticMarkup(
    <InlineMarkdown text={"## Add `a<b>`\n\n- **one** & [two](https://x.test)\n- <img src=x> ~~three~~"} />,
  );
  expect(html.replace(/ class="[^"]*"/g, "")).toBe(
    "Add <code>a&lt;b&gt;</code>\n\n- <strong>one</strong> &amp; two\n- &lt;img src=x&gt; three",
  );
});
