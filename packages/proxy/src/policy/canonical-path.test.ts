import { describe, expect, it } from "vitest";

import { ambiguousPaths } from "../attacks/tables/paths.fixture.ts";
import { canonicalPath, loosePath } from "./canonical-path.ts";
import { isRefusal } from "./refusal.ts";

describe("paths", () => {
  const path = (raw: string): string => {
    const result = canonicalPath(raw);
    return isRefusal(result) ? String(result.status) : result;
  };

  it.each([
    ["/", "/"],
    ["/v1/messages", "/v1/messages"],
    ["/a/", "/a/"],
    ["/%61%2D%7e", "/a-~"],
    ["/@scope%2fname", "/@scope%2Fname"],
    ["/repos/o/r/branches/feature%2Fx", "/repos/o/r/branches/feature%2Fx"],
    ["/v1beta/models/gemini-3.8-flash:streamGenerateContent", "/v1beta/models/gemini-3.8-flash:streamGenerateContent"],
    ["/a.b/..c/c../.d", "/a.b/..c/c../.d"],
    ["/b%C3%BCcher", "/b%C3%BCcher"],
    ["/a|b{c}[d]", "/a%7Cb%7Bc%7D%5Bd%5D"],
    ["/100%25", "/100%25"],
    ["/a%20b", "/a%20b"],
    ["/a;v=1/b", "/a;v=1/b"],
  ])("P43 %s is sent as %s", (raw, expected) => {
    expect(path(raw)).toBe(expected);
  });

  it.each(ambiguousPaths.map((raw) => [raw]))("P43 %j can be read in two ways and is refused", (raw) => {
    expect(raw === "" ? "400" : path(raw)).toBe("400");
  });

  it.each([
    ["/V1/Tokens/", "/v1/tokens"],
    ["/v1;x=1/tokens;y", "/v1/tokens"],
    ["/v1%2Ftokens", "/v1/tokens"],
    ["/v1/tokens%3Fx", "/v1/tokens"],
    ["/v1/tokens%23", "/v1/tokens"],
    ["/", "/"],
  ])("P43 what forbids sees %s as %s", (canonical, expected) => {
    expect(loosePath(canonical)).toBe(expected);
  });
});
