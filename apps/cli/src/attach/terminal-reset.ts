const ESCAPE = "\u001b";
const MODES = new RegExp(String.raw`${ESCAPE}\[\?([\d;]*)([hl])`, "g");
const UNFINISHED = new RegExp(String.raw`^${ESCAPE}(\[(\?[\d;]*)?)?$`);

/**
 * Follows which screen the agent draws on, so that leaving restores the right one: leaving an alternate screen that was never entered would
 * move the cursor.
 */
export class ScreenTracker {
  #rest = "";
  #isAlternate = false;

  get isAlternate(): boolean {
    return this.#isAlternate;
  }

  observe(bytes: Uint8Array): void {
    const text = this.#rest + Buffer.from(bytes).toString("latin1");
    for (const [, parameters = "", final] of text.matchAll(MODES)) {
      if (parameters.split(";").some((mode) => mode === "47" || mode === "1047" || mode === "1049")) {
        this.#isAlternate = final === "h";
      }
    }
    const start = text.lastIndexOf("\u001b");
    // Only an unfinished sequence can matter to the next piece.
    this.#rest = start >= 0 && UNFINISHED.test(text.slice(start)) ? text.slice(start) : "";
  }
}

/** Takes back every mode an agent may have set; nothing is cleared. */
export function resetSequence(isAlternate: boolean): string {
  return [
    isAlternate ? "\u001b[?1049l" : "",
    // Synchronised output first: while it is on, nothing shows.
    "\u001b[?2026l",
    ...[1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2031, 1, 5, 6, 66, 69].map(
      (mode) => `\u001b[?${mode}l`,
    ),
    "\u001b[?7h\u001b[?25h\u001b[0 q",
    // Keyboard: kitty's stack, xterm's modifyOtherKeys, application keypad.
    "\u001b[<99u\u001b[>4m\u001b>",
    // Scroll region, kept from moving the cursor; attributes; character set.
    "\u001b7\u001b[r\u001b8\u001b[0m\u001b(B\u000f",
  ].join("");
}
