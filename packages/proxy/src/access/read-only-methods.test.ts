import { describe, expect, it } from "vitest";

import {
  writingMethods,
  overrideHeaders,
  overrideQueries,
  readsWithBodies,
} from "../attacks/tables/read-only.fixture.ts";
import { outcome, type RequestText } from "../policy/decide.fixture.ts";
import type { SessionPolicy } from "../policy/proxy-types.ts";

const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };
const ro = (text: RequestText, policy: Partial<SessionPolicy> = {}): string =>
  outcome(text, { ...readOnly, ...policy });
const api = "https://api.github.com";

describe("method tricks in a read-only session", () => {
  it.each(writingMethods)("P51 the method %s is refused", (method) => {
    expect(ro({ method, url: `${api}/repos/a/b/issues` })).toBe("403 read-only");
    expect(ro({ method, url: "https://example.com/x" }, { network: "open" })).toBe("403 read-only");
    expect(ro({ method, url: "http://example.com/x" }, { network: "open" })).toBe("403 read-only");
  });

  it.each(["GET", "HEAD", "OPTIONS"])("P51 %s passes", (method) => {
    expect(ro({ method, url: `${api}/repos/a/b/issues` })).toBe("inject github");
    expect(ro({ method, url: "https://example.com/x" }, { network: "open" })).toBe("forward");
  });

  it.each(overrideHeaders)("P51 the header %s is refused", (name) => {
    for (const method of ["GET", "POST"]) {
      expect(ro({ method, url: `${api}/repos/a/b`, headers: { [name]: "DELETE" } })).toBe("403 read-only");
      expect(ro({ method, url: "https://api.anthropic.com/v1/messages", headers: { [name]: "GET" } })).toBe(
        "403 read-only",
      );
    }
  });

  it.each(overrideQueries)("P51 the query %s is refused", (query) => {
    expect(ro({ url: `${api}/repos/a/b?${query}` })).toBe("403 read-only");
  });

  it.each(readsWithBodies)("P51 a GET with a body (%j) is refused", (headers) => {
    expect(ro({ url: `${api}/repos/a/b`, headers: { ...headers } })).toBe("403 read-only");
  });

  it("P51 a GET that says it has no body passes", () => {
    expect(ro({ url: `${api}/repos/a/b`, headers: { "content-length": "0" } })).toBe("inject github");
  });
});
