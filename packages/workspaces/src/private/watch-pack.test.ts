import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { watchPack } from "./watch-pack.ts";

const line = (payload: string): string => (payload.length + 4).toString(16).padStart(4, "0") + payload;
const header = (count: number, magic = "PACK"): string => {
  const bytes = Buffer.from(`${magic}\0\0\0\u0002\0\0\0\0`, "latin1");
  bytes.writeUInt32BE(count, 8);
  return bytes.toString("latin1");
};

const advertised = `${line("version 2\n")}${line("fetch=shallow\n")}0000`;
const listed = `${line("1".repeat(40))}0000`;

/** The stream in chunks of that size. */
function watched(stream: string, size = 1000): string | undefined {
  const watch = watchPack(10);
  const bytes = Buffer.from(stream, "latin1");
  for (let at = 0; at < bytes.length; at += size) {
    const refusal = watch(bytes.subarray(at, at + size));
    if (refusal !== undefined) return refusal.why;
  }
  return undefined;
}

describe("the header of a pack that comes out of a sandbox", () => {
  it("is looked at wherever the stream is cut, and what follows is not", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 20 }), (size, count) => {
        const pack = `${header(count)}and ${header(0xff_ff_ff_ff)}`
          .split("")
          .map((byte) => line(`\u0001${byte}`))
          .join("");
        const stream = `${advertised}${listed}${line("acknowledgments\n")}0001${line("packfile\n")}${line("\u0002progress")}${pack}0000`;
        expect(watched(stream, size) === undefined).toBe(count <= 10);
      }),
    );
  });

  it.each([
    ["in a band of its own", `${advertised}${line("\u0001packfile\n")}${line(`\u0001${header(11)}`)}`],
    ["without a newline", `${advertised}${line("packfile")}${line(`\u0001${header(11)}`)}`],
    ["with more after a NUL", `${advertised}${line("packfile\0x\n")}${line(`\u0001${header(11)}`)}`],
    [
      "after a capability of that name",
      `${line("version 2\n")}${line("packfile\n")}${line(`\u0001${header(1)}`)}0000${line("packfile\n")}${line(`\u0001${header(11)}`)}`,
    ],
    [
      "of a second pack",
      `${advertised}${line("packfile\n")}${line(`\u0001${header(1)}`)}0002${line("packfile\n")}${line(`\u0001${header(11)}`)}`,
    ],
  ])("is found %s", (_what, stream) => {
    expect(watched(stream)).toContain("sent 11 objects");
  });

  it.each([
    ["an older protocol", line("1234 HEAD\0side-band-64k"), "version 2"],
    ["no protocol", "hello, world", "not its protocol"],
    ["too long a line", "fff5", "not its protocol"],
    ["no pack", `${advertised}${line("packfile\n")}${line(`\u0001${header(1, "JUNK")}`)}`, "a pack that is none"],
  ])("refused: %s", (_what, stream, why) => {
    expect(watched(stream)).toContain(why);
  });

  it("references without an end are refused, a pack of that size is not", () => {
    const watch = watchPack(10, 1000);
    const name = Buffer.from(line(`${"1".repeat(40)} refs/heads/x\n`), "latin1");
    expect(watch(Buffer.from(line("version 2\n"), "latin1"))).toBeUndefined();
    const refusals = Array.from({ length: 20 }, () => watch(name));
    expect(refusals).toContainEqual(expect.objectContaining({ setting: "sync_refs" }));
    const other = watchPack(10, 1000);
    const pack = line(`\u0001${header(1)}${"x".repeat(5000)}`);
    expect(other(Buffer.from(`${advertised}${line("packfile\n")}${pack}0000`, "latin1"))).toBeUndefined();
  });
});
