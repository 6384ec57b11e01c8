import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatAuthority } from "./canonical-host.ts";
import { canonicalPath } from "./canonical-path.ts";
import { parseConnectTarget, parseRequestTarget } from "./canonical-target.ts";
import type { ProxyTarget } from "./proxy-types.ts";
import { isRefusal } from "./refusal.ts";

const tunnel: ProxyTarget = { scheme: "tcp", host: "api.github.com", port: 443 };

describe("properties", () => {
  const nasty = fc.constantFrom(
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "%25",
    "%00",
    "%c0%ae",
    ".",
    "..",
    "/",
    "//",
    ";",
    "\\",
    "?",
    "#",
    "@",
    ":",
    "%",
    "a",
    "B",
    "~",
    "%7e",
    "é",
    "[",
    "|",
    " ",
    "\0",
  );
  const rawPath = fc
    .array(fc.oneof(nasty, fc.string({ maxLength: 3 })), { maxLength: 8 })
    .map((parts) => `/${parts.join("")}`);

  it("P43 an accepted path is stable, has no dot segment however often it is decoded, and is what a WHATWG URL keeps", () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const result = canonicalPath(raw);
        if (isRefusal(result)) return;
        expect(canonicalPath(result)).toBe(result);
        expect(new URL(`https://h.example${result}`).pathname).toBe(result);
        let decoded = result;
        for (let round = 0; round < 3; round += 1) {
          decoded = decoded.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          );
          const segments = decoded.split(/[/\\]/).map((segment) => segment.split(";")[0]);
          expect(segments).not.toContain("..");
          expect(segments).not.toContain(".");
          expect(decoded.startsWith("//")).toBe(false);
        }
      }),
      { numRuns: 800 },
    );
  });

  const nastyHost = fc.constantFrom(
    "127",
    "0x7f",
    "0177",
    "1",
    "0",
    ".",
    ":",
    "[",
    "]",
    "::",
    "%",
    "@",
    "#",
    "\\",
    "/",
    "github",
    "com",
    "GitHub",
    "xn--",
    "ⓛ",
    "。",
    "\0",
    " ",
    "-",
    "_",
    "443",
  );
  const rawHost = fc
    .array(
      fc.oneof(
        nastyHost,
        fc.string({ maxLength: 2 }),
        fc.domain(),
        fc.ipV4(),
        fc.ipV6().map((text) => `[${text}]`),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(""));

  it("P08 an accepted host is stable and is the one that a WHATWG URL sees", () => {
    fc.assert(
      fc.property(rawHost, (raw) => {
        const target = parseConnectTarget(`${raw}:8443`);
        if (isRefusal(target)) return;
        expect(parseConnectTarget(formatAuthority(target))).toEqual(target);
        const url = new URL(`http://${raw}:8443/`);
        const seen = url.hostname.replace(/\.$/, "");
        expect(seen).toBe(target.host.includes(":") ? `[${target.host}]` : target.host);
        expect(url.port).toBe("8443");
        expect(url.username + url.password + url.search + url.hash).toBe("");
      }),
      { numRuns: 800 },
    );
  });

  const anything = fc.array(fc.nat(0xffff), { maxLength: 30 }).map((codes) => String.fromCharCode(...codes));

  it("P08 nothing makes the parsers throw", () => {
    fc.assert(
      fc.property(anything, anything, fc.boolean(), (target, value, isInside) => {
        parseConnectTarget(target);
        parseRequestTarget({
          method: "GET",
          target: isInside ? `/${target}` : `http://${target}`,
          headers: [{ name: "host", value }],
          isUpgrade: false,
          tunnel: isInside ? tunnel : undefined,
        });
      }),
      { numRuns: 500 },
    );
  });
});
