import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";

import { formatGitConfig, type GitConfigEntry, parseGitConfig } from "./git-config-file.ts";

const directory = mkdtempSync(join(tmpdir(), "clauderon-config-"));
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }));

/** What git itself reads. */
function asGitReads(text: string): readonly GitConfigEntry[] {
  const file = join(directory, "config");
  writeFileSync(file, text);
  const output = execFileSync("git", ["config", "--file", file, "--list", "-z"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return output
    .split("\0")
    .filter((item) => item !== "")
    .map((item) => {
      const end = item.indexOf("\n");
      return end === -1 ? { key: item, value: "true" } : { key: item.slice(0, end), value: item.slice(end + 1) };
    });
}

describe("parseGitConfig", () => {
  it.each([
    "[core]\n\tbare = false\n\tfileMode\n",
    '[remote "Origin.x"]\n\turl = "a # b" ; c\n  fetch=+refs/*:refs/*   # comment\n',
    '[a "q\\"u\\\\o"]\nk = one \\\n two\nl = "x\\ty\\n" z  \n',
    "# only\n; comments\n\n[A.B]\nKey = Value\r\n",
    "[core] bare = true\n",
    '[x]\ny = "  spaces kept  "  dropped inside   \n',
    "\uFEFF[core]\n\tbare = true\n",
  ])("reads %j as git does", (text) => {
    expect(parseGitConfig(text)).toEqual(asGitReads(text));
  });

  it("reads what it writes, and so does git", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/u);
    const subsection = fc.string({ unit: "grapheme" }).filter((text) => !/[\n\0\r]/u.test(text));
    const value = fc.string({ unit: "grapheme" }).filter((text) => !/[\0\r]/u.test(text));
    const entry = fc.record({ section: name, subsection: fc.option(subsection, { nil: undefined }), name, value });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (parts) => {
        const entries = parts.map((part) => ({
          key: [part.section, ...(part.subsection === undefined ? [] : [part.subsection]), part.name].join("."),
          value: part.value,
        }));
        const text = formatGitConfig(entries);
        expect(parseGitConfig(text)).toEqual(entries);
        expect(asGitReads(text)).toEqual(entries);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("never fails, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[[\]a-z"=\\#;\n .]{0,60}$/u)), (text) => {
        expect(Array.isArray(parseGitConfig(text))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
