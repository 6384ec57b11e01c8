import { expect, it } from "vitest";

import { keeperEnvironment, proxyMark, withoutSessionMarks } from "./without-session-marks.ts";

const inside = {
  PATH: "/bin",
  CLAUDERON_SESSION: "fix",
  CLAUDERON_SESSION_ID: "id",
  HTTPS_PROXY: "http://id:token@127.0.0.1:1",
  ANTHROPIC_API_KEY: "placeholder",
  GITHUB_TOKEN: "the user's own",
  [proxyMark]: "HTTPS_PROXY ANTHROPIC_API_KEY",
};

it("what a session's proxy gave it stays in that session", () => {
  expect(withoutSessionMarks(inside)).toEqual({ PATH: "/bin", GITHUB_TOKEN: "the user's own" });
  expect(keeperEnvironment(inside)).not.toHaveProperty("HTTPS_PROXY");
});

it("outside of a session a proxy is the user's own", () => {
  const outside = { PATH: "/bin", HTTPS_PROXY: "http://proxy.corp.example:8080" };
  expect(withoutSessionMarks(outside)).toEqual(outside);
});
