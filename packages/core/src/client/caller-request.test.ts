import path from "node:path";

import { describe, expect, it } from "vitest";

import { withAbsoluteRepository } from "../support/absolute-repository.ts";
import { withCallerEnvironment } from "./caller-request.ts";

describe("what the client adds to a request", () => {
  it.each([
    [".", process.cwd()],
    ["../x", path.resolve("../x")],
    ["/r", "/r"],
    ["https://example.org/r.git", "https://example.org/r.git"],
    ["git@example.org:r.git", "git@example.org:r.git"],
    ["file:///r", "file:///r"],
  ])("repository %s becomes %s", (given, expected) => {
    expect(withAbsoluteRepository({ repository: given }).repository).toBe(expected);
  });

  it("the caller's environment without the marks of a session, unless one is named", () => {
    const environment = { PATH: "/bin", CLAUDERON_SESSION: "outer", CLAUDERON_SANDBOX_ID: "x", EMPTY: undefined };
    expect(withCallerEnvironment({}, environment)).toEqual({ callerEnvironment: { PATH: "/bin" } });
    expect(withCallerEnvironment({ callerEnvironment: { A: "1" } }, environment)).toEqual({
      callerEnvironment: { A: "1" },
    });
  });
});
