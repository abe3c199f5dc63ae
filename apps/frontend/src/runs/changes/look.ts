import { registerCustomCSSVariableTheme } from "@pierre/diffs";
import type { CSSProperties } from "react";

/*
 * The diff viewer in the page's own colours. It draws in shadow roots, which only custom properties reach.
 */

export const THEME = "ccr";
// The page's own size of a line of code, and the room for the head of a file: its path, and a note below.
export const LINE_PX = 20;
export const HEAD_PX = 44;

registerCustomCSSVariableTheme(THEME, {
  foreground: "var(--color-ink)",
  background: "var(--color-surface)",
  "token-comment": "var(--color-code-comment)",
  "token-string": "var(--color-code-string)",
  "token-string-expression": "var(--color-code-string)",
  "token-keyword": "var(--color-code-keyword)",
  "token-constant": "var(--color-code-constant)",
  "token-function": "var(--color-code-function)",
  "token-parameter": "var(--color-ink)",
  "token-punctuation": "var(--color-ink-soft)",
  "token-link": "var(--color-accent)",
  "token-inserted": "var(--color-ok)",
  "token-deleted": "var(--color-bad)",
  "ansi-green": "var(--color-ok)",
  "ansi-red": "var(--color-bad)",
  "ansi-blue": "var(--color-accent)",
});

/** For the element around the viewer. Code is read on the words that differ, too, which are darker or lighter than their lines. */
export const LOOK: CSSProperties & Record<`--${string}`, string> = {
  "--color-code-comment": "light-dark(oklch(0.45 0.02 264), oklch(0.78 0.02 264))",
  "--color-code-string": "light-dark(oklch(0.43 0.1 150), oklch(0.82 0.11 150))",
  "--color-code-keyword": "light-dark(oklch(0.47 0.17 320), oklch(0.8 0.11 320))",
  "--color-code-constant": "light-dark(oklch(0.46 0.12 55), oklch(0.83 0.1 65))",
  "--color-code-function": "light-dark(oklch(0.45 0.15 262), oklch(0.8 0.1 255))",
  "--diffs-font-family": "var(--font-mono)",
  "--diffs-font-size": "0.78125rem",
  "--diffs-line-height": `${LINE_PX}px`,
  "--diffs-tab-size": "4",
  "--diffs-header-font-family": "var(--font-sans)",
  "--diffs-bg-context-override": "var(--color-surface)",
  "--diffs-bg-context-gutter-override": "var(--color-surface)",
  "--diffs-bg-separator-override": "var(--color-accent-soft)",
  "--diffs-bg-buffer-override": "var(--color-sunken)",
  "--diffs-fg-number-override": "var(--color-ink-faint)",
  "--diffs-fg-number-addition-override": "var(--color-ink-soft)",
  "--diffs-fg-number-deletion-override": "var(--color-ink-soft)",
  "--diffs-addition-color-override": "var(--color-ok)",
  "--diffs-deletion-color-override": "var(--color-bad)",
  "--diffs-modified-color-override": "var(--color-accent)",
  "--diffs-bg-addition-emphasis-override": "light-dark(oklch(0.87 0.1 150), oklch(0.38 0.09 153))",
  "--diffs-bg-deletion-emphasis-override": "light-dark(oklch(0.87 0.075 20), oklch(0.41 0.11 20))",
};

/** Inside the viewer's shadow roots: the page's choice of light or dark decides, and its colours are used as they are, not mixed. */
export const INSIDE = `
:host { color-scheme: inherit; --diffs-selection-number-fg: var(--color-ink); }
[data-line], [data-no-newline] {
  &[data-line-type=change-addition] { --diffs-computed-diff-line-bg: var(--color-added); }
  &[data-line-type=change-deletion] { --diffs-computed-diff-line-bg: var(--color-removed); }
}
[data-gutter-buffer], [data-column-number] {
  &[data-line-type=change-addition] { --diffs-computed-diff-line-bg: var(--color-added-gutter); }
  &[data-line-type=change-deletion] { --diffs-computed-diff-line-bg: var(--color-removed-gutter); }
}
[data-separator] { color: var(--color-ink-soft); }
`;
