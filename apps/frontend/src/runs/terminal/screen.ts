import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { ShellSize } from "@ccr/protocol";
import { copyText } from "../../ui/copy-button.tsx";
import { meaningOf } from "./keys.ts";
import type { Output } from "./position.ts";
import { themeFor, watchTheme } from "./theme.ts";

const LINES_KEPT = 10_000;
// What a program asks of a terminal that no page should do for it: its title (0, 1, 2), the folder (7), links (8), messages (9, 777), pictures and files (1337), and the clipboard (52).
const REFUSED_COMMANDS = [0, 1, 2, 7, 8, 9, 52, 777, 1337] as const;

export type ScreenOptions = {
  host: HTMLElement;
  /** The id of what tells how to leave it by keyboard. */
  describedBy: string;
  label: string;
  screenReader: boolean;
  onTyped: (text: string) => void;
  onSize: (size: ShellSize) => void;
  /** Somebody wants the keyboard back for the page. */
  onLeave: () => void;
  onCopyFailed: (error: unknown) => void;
};

/** A terminal on the page, which shows bytes of a stranger: it opens no link, and touches neither title nor clipboard by itself. */
export interface Screen {
  show(output: Output): void;
  /** Says something that the shell did not. */
  tell(text: string): void;
  focus(): void;
  /** Types something as if by key. */
  press(text: string): void;
  setScreenReader(on: boolean): void;
  /** Nothing can be typed any more. */
  end(): void;
  dispose(): void;
}

export const openScreen = (options: ScreenOptions): Screen => {
  const { host, onTyped, onSize, onLeave, onCopyFailed } = options;
  const terminal = new Terminal({
    fontFamily: getComputedStyle(host).getPropertyValue("--font-mono"),
    fontSize: 13,
    lineHeight: 1.2,
    scrollback: LINES_KEPT,
    minimumContrastRatio: 4.5,
    screenReaderMode: options.screenReader,
    theme: themeFor(host),
    // There is no link: what is refused below makes none, and no addon looks for any.
    linkHandler: null,
  });
  for (const command of REFUSED_COMMANDS) terminal.parser.registerOscHandler(command, () => true);
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(host);
  terminal.textarea?.setAttribute("aria-label", options.label);
  terminal.textarea?.setAttribute("aria-describedby", options.describedBy);

  terminal.attachCustomKeyEventHandler((event) => {
    if (event.type !== "keydown") return true;
    const meaning = meaningOf(event, { isMarked: terminal.hasSelection() });
    if (meaning === "leave") {
      event.preventDefault();
      onLeave();
    }
    if (meaning === "copy") {
      event.preventDefault();
      copyText(terminal.getSelection()).then(() => {
        terminal.clearSelection();
        terminal.focus();
      }, onCopyFailed);
    }
    return meaning === "pass";
  });

  // A terminal answers what programs ask it. What was asked before this page was opened has been answered, or nobody waits for it any more.
  let historyParts = 0;
  let isOver = false;
  terminal.onData((text) => {
    if (historyParts === 0 && !isOver) onTyped(text);
  });
  let size = "";
  const refit = (): void => {
    if (host.clientWidth === 0 || host.clientHeight === 0) return;
    fit.fit();
    const { cols, rows } = terminal;
    if (size === `${cols}x${rows}`) return;
    size = `${cols}x${rows}`;
    onSize({ cols, rows });
  };
  refit();
  let frame = 0;
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(refit);
  });
  observer.observe(host);
  const stopWatching = watchTheme(() => {
    terminal.options.theme = themeFor(host);
  });

  const tell = (text: string): void => terminal.write(`\r\n\u001b[0;3m[${text}]\u001b[0m\r\n`);
  return {
    show({ bytes, isHistory, leftOut }) {
      if (leftOut > 0) tell("what came before is not kept");
      if (!isHistory) return terminal.write(bytes);
      historyParts += 1;
      terminal.write(bytes, () => {
        historyParts -= 1;
      });
    },
    tell,
    focus: () => terminal.focus(),
    press: (text) => {
      terminal.input(text);
      terminal.focus();
    },
    setScreenReader: (on) => {
      terminal.options.screenReaderMode = on;
    },
    end: () => {
      isOver = true;
      terminal.options.disableStdin = true;
      // Without a cursor: nothing can be typed.
      terminal.write("\u001b[?25l");
    },
    dispose: () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      stopWatching();
      terminal.dispose();
    },
  };
};
