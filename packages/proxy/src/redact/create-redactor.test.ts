import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createRedactor, type Redactor } from "./create-redactor.ts";
import { secretForms } from "./secret-forms.ts";

const SECRET = 'sk-ant-api03-R34l/Tok+en~"q\\z-0123456789abcdefABCDEF==';
const PLACEHOLDER = "sk-ant-api03-clauderon-placeholder";
const redactor = createRedactor([{ value: SECRET, placeholder: PLACEHOLDER }]);

function run(bytes: Uint8Array, sizes: readonly number[] = [bytes.length || 1], by: Redactor = redactor): Buffer {
  const stream = by.start();
  const parts: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    parts.push(...stream.write(bytes.subarray(at, at + size)).map((part) => Buffer.from(part)));
    at += size;
  }
  return Buffer.concat([...parts, ...stream.end()]);
}

const bytes = Buffer.from(SECRET);
const percentAll = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const around = (text: string | Buffer) =>
  Buffer.concat([Buffer.from("before "), Buffer.from(text), Buffer.from(" after")]);

/** How a server may write it, each made without the code under test; `core` = what must not be found in the output. */
const forms: readonly { readonly name: string; readonly body: Buffer; readonly core: Buffer }[] = [
  { name: "plain", body: around(bytes), core: bytes },
  {
    name: "in JSON",
    body: around(JSON.stringify({ token: SECRET })),
    core: Buffer.from(JSON.stringify(SECRET).slice(1, -1)),
  },
  {
    name: "in PHP's JSON",
    body: around(JSON.stringify(SECRET).replaceAll("/", "\\/")),
    core: Buffer.from("R34l\\/Tok"),
  },
  { name: "percent-encoded", body: around(encodeURIComponent(SECRET)), core: Buffer.from(encodeURIComponent(SECRET)) },
  {
    name: "percent-encoded in small letters",
    body: around(encodeURIComponent(SECRET).replaceAll(/%../g, (digits) => digits.toLowerCase())),
    core: Buffer.from("R34l%2fTok"),
  },
  { name: "percent-encoded whole", body: around(percentAll), core: Buffer.from(percentAll) },
  { name: "in hex", body: around(bytes.toString("hex")), core: Buffer.from(bytes.toString("hex")) },
  {
    name: "in capital hex",
    body: around(bytes.toString("hex").toUpperCase()),
    core: Buffer.from(bytes.toString("hex").toUpperCase()),
  },
  { name: "in UTF-16LE", body: around(Buffer.from(SECRET, "utf16le")), core: Buffer.from(SECRET, "utf16le") },
  {
    name: "in UTF-16BE",
    body: around(Buffer.from(SECRET, "utf16le").swap16()),
    core: Buffer.from(SECRET, "utf16le").swap16(),
  },
  {
    name: "as \\u escapes",
    body: around(Array.from(SECRET, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")),
    core: Buffer.from("\\u0052\\u0033\\u0034"),
  },
  ...["", "x-access-token:", "u:", "ab:"].flatMap((user) =>
    (["base64", "base64url"] as const).map((encoding) => {
      const text = Buffer.from(`${user}${SECRET}`).toString(encoding);
      return {
        name: `of user "${user}" in ${encoding}`,
        body: around(text),
        core: Buffer.from(text.slice(user.length * 2, -8)),
      };
    }),
  ),
  {
    name: "in Base64 with more behind",
    body: around(Buffer.from(`{"a":"${SECRET}","b":1}`).toString("base64")),
    core: Buffer.from(Buffer.from(`{"a":"${SECRET}`).toString("base64").slice(12, -6)),
  },
];

/** Rarer characters, each in the encoders that treat them apart. */
const ODD = "k(1)!*'~&<x>-0123456789 äß";
const odd: readonly (readonly [string, string])[] = [
  ["encodeURIComponent", encodeURIComponent(ODD)],
  ["a form", new URLSearchParams({ k: ODD }).toString().slice(2)],
  [
    "RFC 3986",
    encodeURIComponent(ODD).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`),
  ],
  ["HTML", ODD.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("'", "&#39;")],
  ["JSON", JSON.stringify(ODD).slice(1, -1)],
];

describe("P26 the secret never reaches the client", () => {
  it.each(forms)("$name", ({ body, core }) => {
    expect(body.includes(core)).toBe(true);
    const output = run(body);
    expect(output.includes(core)).toBe(false);
    expect(output.length).toBe(body.length);
    expect(output.toString().startsWith("before ") && output.toString().endsWith(" after")).toBe(true);
  });

  it.each(forms)("$name, split anywhere", ({ body, core }) => {
    const expected = run(body);
    for (let at = 1; at < body.length; at++) expect(run(body, [at, body.length]).equals(expected)).toBe(true);
    expect(run(body, [1]).equals(expected)).toBe(true);
    expect(expected.includes(core)).toBe(false);
  });

  it.each(odd)("with rare characters, as %s writes them", (_name, text) => {
    const output = run(Buffer.from(`a=${text}&b`), [4], createRedactor([{ value: ODD, placeholder: "p" }]));
    expect(output.includes("0123456789")).toBe(false);
    expect(output.length).toBe(Buffer.byteLength(text) + 4);
  });

  it("leaves Base64 of its surroundings readable", () => {
    const output = run(Buffer.from(Buffer.from(`x-access-token:${SECRET}`).toString("base64")));
    expect(Buffer.from(output.toString(), "base64").toString("latin1")).toMatch(/^x-access-token:/);
  });

  it("in a header, a trailer, a reason", () => {
    expect(redactor.redactText(`Bearer ${SECRET}`)).toBe(`Bearer ${PLACEHOLDER.padEnd(bytes.length, "*")}`);
    expect(redactor.redactText("text/html")).toBe("text/html");
  });

  it("not even its beginning, where a body ends within it", () => {
    expect(run(Buffer.from(`x ${SECRET.slice(0, 30)}`)).toString()).toBe(`x ${"*".repeat(30)}`);
    expect(run(Buffer.from("x sk-ant-")).toString()).toBe("x sk-ant-");
  });

  it("when one secret is the beginning of another, or ends in it", () => {
    const pair = createRedactor(
      ["secret-abcdef", "secret-abcdef-and-more", "def-and"].map((value) => ({ value, placeholder: "p" })),
    );
    expect(
      run(Buffer.from("1 secret-abcdef-and-more 2 secret-abcdef 3 secret-abcdef-andx"), [3], pair).toString(),
    ).not.toMatch(/secret|abcdef|more/);
  });

  it("when one stands within the beginning of another", () => {
    const pair = createRedactor(["abcdefghij-long-tail", "cdefgh"].map((value) => ({ value, placeholder: "p" })));
    expect(run(Buffer.from("abcdefghij-X"), [5], pair).toString()).toBe("abp*****ij-X");
  });

  it("among anything, however it is split", () => {
    const every = secretForms({ value: SECRET, placeholder: PLACEHOLDER });
    const noise = fc.oneof(
      fc.constantFrom("sk-ant-", "sk-ant-api03-", SECRET.slice(0, -1), SECRET.slice(1), "%73%6b", "c2st"),
      fc.string(),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(noise, fc.constantFrom(...every)), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
        (parts, sizes) => {
          const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part.bytes)));
          const output = run(body, sizes);
          expect(output.length).toBe(body.length);
          for (const { bytes } of every) expect(output.includes(bytes)).toBe(false);
          if (!every.some(({ bytes }) => body.includes(bytes)))
            expect(output.subarray(0, -60).equals(body.subarray(0, -60))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("The redactor", () => {
  it("holds back nothing that cannot begin a secret, and hands on the bytes themselves", () => {
    const stream = redactor.start();
    const event = Buffer.from('data: {"type":"ping"}\n\n');
    const [out] = stream.write(event);
    expect(out?.buffer).toBe(event.buffer);
    expect(stream.write(Buffer.from("data: s")).map(String)).toEqual(["data: "]);
    expect(stream.write(Buffer.from("econd\n\n")).map(String)).toEqual(["second\n\n"]);
    expect(stream.count).toBe(0);
  });

  it("does not change the caller's bytes", () => {
    const chunk = Buffer.from(`a ${SECRET} b`);
    run(chunk);
    expect(chunk.toString()).toBe(`a ${SECRET} b`);
  });

  it("P29 counts, so that it also finds a placeholder on its way to a foreign host", () => {
    const stream = createRedactor([{ value: PLACEHOLDER, placeholder: "" }]).start();
    const body = Buffer.from(`q=${Buffer.from(`x:${PLACEHOLDER}`).toString("base64")}`);
    for (const byte of body) stream.write(Buffer.from([byte]));
    expect(stream.count).toBe(1);
  });
});
