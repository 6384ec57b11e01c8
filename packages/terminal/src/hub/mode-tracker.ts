import type { Terminal } from "@xterm/headless";

/** Knows the modes of a terminal that a serialised screen leaves out. */
export interface ModeTracker {
  /** To be written before the serialised screen. */
  before(): string;
  /** To be written after it. */
  after(): string;
  readonly title: string;
}

/** Mouse encodings (UTF-8, SGR, urxvt, SGR pixels), focus reports, colour scheme reports. */
const trackedModes: ReadonlySet<number> = new Set([1005, 1006, 1015, 1016, 1004, 2031]);
const CURSOR_VISIBLE = 25;
const KITTY_STACK_LIMIT = 32;

type Parameters = readonly (number | readonly number[])[];

/** Listens to the parser of the terminal; must be made before the first byte is written. */
export function createModeTracker(terminal: Terminal): ModeTracker {
  const modes = new Set<number>();
  let isCursorHidden = false;
  let cursorStyle = 0;
  let title = "";
  let stacks: { main: number[]; alternate: number[] } = { main: [], alternate: [] };

  const parser = terminal.parser;
  const stack = (): number[] => (terminal.buffer.active.type === "alternate" ? stacks.alternate : stacks.main);
  const number = (parameters: Parameters, index: number, absent: number): number => {
    const value = parameters[index];
    return typeof value === "number" ? value : absent;
  };
  const seen = (handle: (parameters: Parameters) => void) => (parameters: Parameters) => {
    handle(parameters);
    return false;
  };
  const setModes = (isSet: boolean) =>
    seen((parameters) => {
      for (const mode of parameters) {
        if (mode === CURSOR_VISIBLE) isCursorHidden = !isSet;
        if (typeof mode !== "number" || !trackedModes.has(mode)) continue;
        if (isSet) modes.add(mode);
        else modes.delete(mode);
      }
    });

  parser.registerCsiHandler({ prefix: "?", final: "h" }, setModes(true));
  parser.registerCsiHandler({ prefix: "?", final: "l" }, setModes(false));
  parser.registerCsiHandler(
    { intermediates: " ", final: "q" },
    seen((parameters) => {
      cursorStyle = number(parameters, 0, 0);
    }),
  );
  parser.registerCsiHandler(
    { intermediates: "!", final: "p" },
    seen(() => {
      isCursorHidden = false;
    }),
  );
  parser.registerCsiHandler(
    { prefix: ">", final: "u" },
    seen((parameters) => {
      stack().push(number(parameters, 0, 0));
      if (stack().length > KITTY_STACK_LIMIT) stack().shift();
    }),
  );
  parser.registerCsiHandler(
    { prefix: "<", final: "u" },
    seen((parameters) => {
      stack().splice(-Math.max(1, number(parameters, 0, 1)));
    }),
  );
  parser.registerCsiHandler(
    { prefix: "=", final: "u" },
    seen((parameters) => {
      const flags = number(parameters, 0, 0);
      const current = stack().pop() ?? 0;
      const operation = number(parameters, 1, 1);
      if (operation === 2) stack().push(current | flags);
      else if (operation === 3) stack().push(current & ~flags);
      else stack().push(flags);
    }),
  );
  parser.registerEscHandler({ final: "c" }, () => {
    modes.clear();
    isCursorHidden = false;
    cursorStyle = 0;
    stacks = { main: [], alternate: [] };
    return false;
  });
  terminal.onTitleChange((text) => {
    title = text;
  });

  const pushed = (flags: readonly number[]): string => flags.map((value) => `\u001B[>${value}u`).join("");
  return {
    get title() {
      return title;
    },
    before: () => pushed(stacks.main),
    after: () =>
      [
        terminal.buffer.active.type === "alternate" ? pushed(stacks.alternate) : "",
        ...[...modes].sort((left, right) => left - right).map((mode) => `\u001B[?${mode}h`),
        cursorStyle === 0 ? "" : `\u001B[${cursorStyle} q`,
        isCursorHidden ? `\u001B[?${CURSOR_VISIBLE}l` : "",
        title === "" ? "" : `\u001B]0;${title}\u0007`,
      ].join(""),
  };
}
