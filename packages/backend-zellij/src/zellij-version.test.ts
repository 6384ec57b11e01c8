import { describe, expect, it } from "vitest";

import { judgeVersion } from "./zellij-version.ts";

describe("judgeVersion", () => {
  it.each([
    ["zellij 0.44.3\n", { version: "0.44.3", verdict: "usable" }],
    ["zellij 0.46.0", { version: "0.46.0", verdict: "usable" }],
    ["zellij 1.0.0", { version: "1.0.0", verdict: "usable" }],
    ["zellij 0.44.2", { version: "0.44.2", verdict: "too-old" }],
    ["zellij 0.9.12", { version: "0.9.12", verdict: "too-old" }],
    ["zellij 0.45.0", { version: "0.45.0", verdict: "loses-tabs" }],
    ["zellij 0.45.1", { version: "0.45.1", verdict: "loses-tabs" }],
    ["zellij dev build", { verdict: "unreadable" }],
    ["", { verdict: "unreadable" }],
  ])("%j", (text, expected) => {
    expect(judgeVersion(text)).toEqual(expected);
  });
});
