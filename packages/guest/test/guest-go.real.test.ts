import { spawnSync } from "node:child_process";

import { describe, expect, test } from "vitest";

import { goDirectory, hasGo } from "./required-go.ts";

const go = (...args: readonly string[]): { readonly status: number | null; readonly output: string } => {
  const { status, stdout, stderr } = spawnSync("go", args, { cwd: goDirectory, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
};

describe.runIf(hasGo("the guest's own tests"))("the guest's sources", () => {
  test("pass their own tests", () => {
    expect(go("test", "./...")).toMatchObject({ status: 0 });
  });

  test("are formatted and vetted, and need nothing but the standard library", () => {
    const format = spawnSync("gofmt", ["-l", "."], { cwd: goDirectory, encoding: "utf8" });
    expect([format.status, format.stdout]).toEqual([0, ""]);
    expect(go("vet", "./...")).toEqual({ status: 0, output: "" });
    expect(go("list", "-m", "all")).toEqual({ status: 0, output: "clauderon.dev/guest\n" });
  });
});
