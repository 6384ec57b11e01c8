import { describe, expect, it } from "vitest";

import { parseZellijSettings } from "./zellij-settings.ts";

describe("settings", () => {
  it("takes a program, or nothing", () => {
    expect(parseZellijSettings({ program: "/usr/bin/zellij" })).toEqual({ program: "/usr/bin/zellij" });
    expect(parseZellijSettings({})).toEqual({});
  });

  it.each([[{ programm: "/a" }], [{ program: 7 }], [{ program: "" }], [{ program: "/a", more: true }]])(
    "refuses %j and names the key",
    (settings) => {
      expect(() => parseZellijSettings(settings)).toThrow(/"(programm|program|more)"/u);
    },
  );
});
