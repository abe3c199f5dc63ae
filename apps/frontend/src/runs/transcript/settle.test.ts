import { expect, test } from "vitest";
import { settleMarkdown } from "./settle.ts";

test.each([
  ["a **bol", "a **bol**"],
  ["a *it", "a *it*"],
  ["a **bold *both", "a **bold *both***"],
  ["run `npm te", "run `npm te`"],
  ["run `a_b **c", "run `a_b **c`"],
  ["~~go", "~~go~~"],
  ["snake_case and 2 * 3", "snake_case and 2 * 3"],
  ["done **bold** text", "done **bold** text"],
  ["a **", "a "],
  ["see [the doc", "see the doc"],
  ["see [the doc](https://exa", "see the doc"],
  ["see ![an image](https://exa", "see an image"],
  ["see [the doc](https://example.com)", "see [the doc](https://example.com)"],
  ["- [ ] todo", "- [ ] todo"],
  ["- [x]", "- [x]"],
  ["text\n-", "text"],
  ["text\n---", "text"],
  ["text\n==", "text"],
  ["one\n\n#", "one\n"],
  ["one\n2.", "one"],
  ["one\n``", "one"],
  ["one\n```js", "one\n```js"],
  ["```js\nconst a = `x", "```js\nconst a = `x"],
  ["```js\nconst a = 1\n``", "```js\nconst a = 1"],
  ["```js\nx\n```\nand **b", "```js\nx\n```\nand **b**"],
  ["````md\n```js\n**x", "````md\n```js\n**x"],
  ["\\*not", "\\*not"],
  ["", ""],
])("of %j draws %j while it is being written", (text, settled) => {
  expect(settleMarkdown(text)).toBe(settled);
});

test("never loses a line that is whole, whatever the text is", () => {
  const text =
    "# T\n\npara **b** `c` [l](https://x.y)\n\n- a\n  - b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet a;\n```\n\nend.";
  for (let length = 1; length <= text.length; length += 1) {
    const part = text.slice(0, length);
    const whole = part.slice(0, part.lastIndexOf("\n") + 1).trimEnd();
    expect(settleMarkdown(part).startsWith(whole)).toBe(true);
  }
});
