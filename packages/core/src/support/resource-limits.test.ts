import { describe, expect, it } from "vitest";

import { readCpuLimit, readMemoryLimit, readProcessLimit } from "./resource-limits.ts";

describe("Limits as a user writes them", () => {
  it.each([
    ["4", 4],
    ["0.5", 0.5],
    ["0.01", 0.01],
    ["1000", 1000],
    ["0", undefined],
    ["0.001", undefined],
    ["-1", undefined],
    ["abc", undefined],
    ["1e3", undefined],
    ["", undefined],
    [" 2", undefined],
    ["2 ", undefined],
    ["0x2", undefined],
    ["Infinity", undefined],
  ])("%j processors are %s", (text, wanted) => {
    expect(readCpuLimit(text)).toBe(wanted);
  });

  it.each([
    ["8g", 8 * 1024 ** 3],
    ["8G", 8 * 1024 ** 3],
    ["8gb", 8 * 1024 ** 3],
    ["512m", 512 * 1024 ** 2],
    ["1.5g", 1.5 * 1024 ** 3],
    ["6291456", 6_291_456],
    ["6291456b", 6_291_456],
    ["6291455", undefined],
    ["1", undefined],
    ["8Gi", undefined],
    ["8GiB", undefined],
    ["8 g", undefined],
    ["-8g", undefined],
    ["0", undefined],
    ["g", undefined],
    ["8gg", undefined],
    ["99999999999999t", undefined],
    ["", undefined],
  ])("a memory of %j is %s", (text, wanted) => {
    expect(readMemoryLimit(text)).toBe(wanted);
  });

  it.each([
    ["1024", 1024],
    ["32", 32],
    ["31", undefined],
    ["0", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["99999999", undefined],
    ["many", undefined],
  ])("%j processes are %s", (text, wanted) => {
    expect(readProcessLimit(text)).toBe(wanted);
  });
});
