import { describe, expect, it } from "vitest";

import { gitWrites, ambiguousLfsBodies } from "../attacks/tables/read-only.fixture.ts";
import { outcome, type RequestText } from "../policy/decide.fixture.ts";
import type { SessionPolicy } from "../policy/proxy-types.ts";
import { checkBody } from "./check-body.ts";

const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };
const ro = (text: RequestText, policy: Partial<SessionPolicy> = {}): string =>
  outcome(text, { ...readOnly, ...policy });
const github = "https://github.com/acme/app.git";

describe("git in a read-only session", () => {
  it.each([
    ["GET", "/info/refs?service=git-upload-pack", "inject github"],
    ["GET", "/info/refs", "inject github"],
    ["HEAD", "/info/refs?service=git-upload-pack", "inject github"],
    ["POST", "/git-upload-pack", "inject github"],
    ["POST", "/info/lfs/objects/batch", "inject github lfs-download"],
    ["GET", "/info/lfs/locks", "inject github"],
  ])("P50 reading passes: %s %s", (method, path, expected) => {
    expect(ro({ method, url: github + path })).toBe(expected);
  });

  it.each(gitWrites)("P50 writing is refused: %s %s", (method, path) => {
    expect(ro({ method, url: github + path })).toBe("403 read-only");
    expect(ro({ method, url: `https://git.example.com/acme/app.git${path}` }, { network: "open" })).toBe(
      "403 read-only",
    );
  });

  it("P50 a git host without a rule may be fetched from", () => {
    expect(ro({ method: "POST", url: "https://git.example.com/a.git/git-upload-pack" }, { network: "open" })).toBe(
      "forward",
    );
    expect(ro({ url: "https://git.example.com/a.git/info/refs?service=git-upload-pack" }, { network: "open" })).toBe(
      "forward",
    );
  });

  it.each([
    ["download", undefined],
    ["upload", "read-only"],
    ["Download", "read-only"],
    ["DOWNLOAD", "read-only"],
    ["", "read-only"],
    [null, "read-only"],
    [["download"], "read-only"],
    [{ a: "download" }, "read-only"],
  ])("P50 an LFS batch with operation %j → %s", (operation, code) => {
    const body = Buffer.from(JSON.stringify({ operation, objects: [{ oid: "0", size: 1 }], transfers: ["basic"] }));
    expect(checkBody("lfs-download", body)?.code).toBe(code);
  });

  it.each(ambiguousLfsBodies)("P50 the LFS body %s is refused: it can be read in two ways", (body) => {
    expect(checkBody("lfs-download", Buffer.from(body))?.code).toBe("body-unreadable");
  });

  it("P50 a member of the same name further in changes nothing", () => {
    const body = '{"ref":{"operation":"upload"},"operation":"download","objects":[{"operation":"upload"}]}';
    expect(checkBody("lfs-download", Buffer.from(body))).toBeUndefined();
  });

  it.each(["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x"])(
    "P50 a batch compressed with %s is refused",
    (encoding) => {
      expect(
        ro({ method: "POST", url: `${github}/info/lfs/objects/batch`, headers: { "content-encoding": encoding } }),
      ).toBe("403 body-unreadable");
    },
  );
});
