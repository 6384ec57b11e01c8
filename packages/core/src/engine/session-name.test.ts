import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ClauderonError } from "../contract/index.ts";
import { nameFromPrompt, validateSessionName } from "./session-name.ts";

const VALID = /^[a-z0-9][a-z0-9-]{0,62}$/u;
const nothingTaken = (): boolean => false;

function whyRefused(name: string): string | undefined {
  try {
    validateSessionName(name);
    return undefined;
  } catch (error) {
    if (!ClauderonError.isInstance(error, "usage.invalid")) throw error;
    return error.why;
  }
}

describe("validateSessionName", () => {
  it.each(["a", "0", "fix", "fix-login-2", "a".repeat(63), "a-"])("accepts %j", (name) => {
    expect(whyRefused(name)).toBeUndefined();
  });

  it.each([
    ["", /empty/u],
    ["a/b", /contains \//u],
    ["..", /\.\./u],
    ["a..b", /\.\./u],
    ["a".repeat(64), /64 characters/u],
    ["a".repeat(256), /256 characters/u],
    ["🚀", /contains/u],
    ["fix🚀", /contains/u],
    ["-fix", /starts with a dash/u],
    ["--all", /starts with a dash/u],
    ["Fix", /capital/u],
    ["a b", /contains " "/u],
    ["a\nb", /contains "\\n"/u],
    ["a\0b", /contains/u],
    ["é", /contains/u],
  ])("refuses %j and says why", (name, why) => {
    expect(whyRefused(name)).toMatch(why);
  });

  it("suggests a name that it would accept", () => {
    try {
      validateSessionName("Fix the Login/Page!");
    } catch (error) {
      expect(ClauderonError.isInstance(error) && error.fix[0]).toBe("use for example fix-the-login-page");
    }
    expect.assertions(1);
  });

  it("accepts exactly what the pattern says", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[a-z0-9./-]{0,80}$/u)), (name) => {
        expect(whyRefused(name) === undefined).toBe(VALID.test(name) && !name.includes("\n"));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("nameFromPrompt", () => {
  it.each([
    ["Please fix the login page", "fix-login-page"],
    ["Übersetze die Größe", "ubersetze-die-große".replace("ß", "-")],
    ["do it", "do-it"],
    ["the", "the"],
    ["🚀🚀", "my-repo"],
    ["", "my-repo"],
    [undefined, "my-repo"],
    [`x${"y".repeat(1_000_000)}`, `x${"y".repeat(39)}`],
    ["--help && rm -rf /", "help-rm-rf"],
    ["line one\nline two", "line-one-line-two"],
  ])("makes of %.40j the name %s", (prompt, name) => {
    expect(nameFromPrompt(prompt, "/home/me/My Repo.git", nothingTaken)).toBe(name);
  });

  it.each([
    ["https://example.com/team/widget.git", "widget"],
    ["git@example.com:team/widget", "widget"],
    ["/", "session"],
    ["/tmp/🚀", "session"],
  ])("takes the repository's name from %s", (repository, name) => {
    expect(nameFromPrompt(undefined, repository, nothingTaken)).toBe(name);
  });

  it("counts up while names are taken", () => {
    const taken = new Set(["fix", "fix-2", "fix-3"]);
    expect(nameFromPrompt("fix", "/r", (name) => taken.has(name))).toBe("fix-4");
  });

  it("always gives a valid name that is free", () => {
    fc.assert(
      fc.property(
        fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
        fc.string(),
        fc.nat(30),
        (prompt, repository, refusals) => {
          const taken = new Set<string>();
          const name = nameFromPrompt(prompt, repository, (candidate) => {
            if (taken.size >= refusals) return false;
            taken.add(candidate);
            return true;
          });
          expect(name).toMatch(VALID);
          expect(taken.has(name)).toBe(false);
          expect(whyRefused(name)).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
  });
});
