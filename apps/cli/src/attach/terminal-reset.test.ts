import { describe, expect, test } from "vitest";

import { resetSequence, ScreenTracker } from "./terminal-reset.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("ScreenTracker", () => {
  test("follows the alternate screen, alone and among other modes", () => {
    const screen = new ScreenTracker();
    screen.observe(bytes("\u001b[?1049h"));
    expect(screen.isAlternate).toBe(true);
    screen.observe(bytes("\u001b[?25;1049l"));
    expect(screen.isAlternate).toBe(false);
  });

  test("sees a sequence that was cut anywhere", () => {
    const sequence = "text\u001b[?1049h";
    for (let cut = 1; cut < sequence.length; cut += 1) {
      const screen = new ScreenTracker();
      screen.observe(bytes(sequence.slice(0, cut)));
      screen.observe(bytes(sequence.slice(cut)));
      expect(screen.isAlternate).toBe(true);
    }
  });
});

describe("resetSequence", () => {
  test("leaves the alternate screen only when it was entered", () => {
    expect(resetSequence(true)).toContain("\u001b[?1049l");
    expect(resetSequence(false)).not.toContain("1049");
  });

  test.each(["?1003l", "?1006l", "?2004l", "?25h", "?1l", "<99u", ">4m", "?1004l"])("takes back %s", (mode) => {
    expect(resetSequence(false)).toContain(`\u001b[${mode}`);
  });
});
