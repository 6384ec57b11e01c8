import fc from "fast-check";
import { expect, it } from "vitest";

import { quoteKdl, zellijLayout } from "./zellij-layout.ts";

/** What a KDL reader makes of a string, by the language's own rules. */
function readKdl(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(?:u\{([0-9a-f]+)\}|(.))/gu, (_all, code: string | undefined, character: string) =>
      code === undefined ? character : String.fromCodePoint(Number.parseInt(code, 16)),
    );
}

it("quotes every text so that it is read back, on one line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const quoted = quoteKdl(text);
      expect(readKdl(quoted)).toBe(text);
      expect(quoted).not.toMatch(/[\n\r\u0085\u2028\u2029]/u);
      expect(quoted.slice(1, -1)).not.toMatch(/(?<!\\)(?:\\\\)*"/u);
    }),
  );
});

it("has one pane, no bars, and the two key chords", () => {
  const layout = zellijLayout({ program: "/bin/sh", args: ["-c", 'echo "a b"'] });
  expect(layout.match(/pane command=/gu)).toHaveLength(1);
  expect(layout).toContain('args "-c" "echo \\"a b\\""');
  expect(layout).not.toContain("plugin");
  expect(layout).toContain('bind "d" { Detach; }');
  expect(layout).toContain('bind "q" { Quit; }');
});
