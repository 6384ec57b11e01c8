import { describe, expect, it } from "vitest";

import { promptHash } from "./prompt-hash.ts";

describe("promptHash", () => {
  it.each([
    ["fix it", "  fix it\r\n"],
    ["a\nb", "a\r\nb"],
    ["é", "e\u0301"],
    ["fix it", "<system-reminder>\nx\n</system-reminder>\nfix it\n<env>y</env>"],
  ])("takes %j and %j for the same", (left, right) => {
    expect(promptHash(left)).toBe(promptHash(right));
  });

  it("keeps tags that are part of the prompt's lines", () => {
    expect(promptHash("why is <b>x</b> bold")).not.toBe(promptHash("why is  bold"));
    expect(promptHash("<system-reminder>x</system-reminder>")).toBeUndefined();
  });

  it("takes linear time for many openings", () => {
    expect(promptHash("<a>\n".repeat(250_000))).toBeDefined();
  });
});
