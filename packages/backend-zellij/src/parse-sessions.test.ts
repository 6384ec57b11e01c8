import { expect, it } from "vitest";

import { parseSessions } from "./parse-sessions.ts";

it("reads active, current and exited sessions, also in colour", () => {
  const output = [
    "clauderon-fix [Created 1h 2m 3s ago] ",
    "mine [Created 0s ago] (current)",
    "two words [Created 5days ago] (EXITED - attach to resurrect)",
    "\u001b[32;1mred\u001b[m [Created \u001b[35;1m3s\u001b[m ago] ",
    "No active zellij sessions found.",
    "",
  ].join("\n");
  expect(parseSessions(output)).toEqual([
    { name: "clauderon-fix", isExited: false },
    { name: "mine", isExited: false },
    { name: "two words", isExited: true },
    { name: "red", isExited: false },
  ]);
});
