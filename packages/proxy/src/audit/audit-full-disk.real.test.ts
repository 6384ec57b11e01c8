import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it } from "vitest";

import type { AuditRecord } from "./audit-entry.ts";

interface Outcome {
  readonly filled: string;
  readonly refused: string;
  readonly counted: readonly string[];
  readonly lines: readonly AuditRecord[];
}

const program = join(import.meta.dirname, "testing", "full-disk.fixture.ts");
const canMount = spawnSync("unshare", ["-rm", "true"], { stdio: "ignore" }).status === 0;
if (!canMount) process.stderr.write("not run: a disk that is really full (`unshare -rm` does not work here)\n");
const isRequired = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("disk");

it.runIf(canMount || isRequired)(
  "P62 on a disk that is really full nothing is let through, and what it says afterwards is so",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "clauderon-full-"));
    const node = [process.execPath, "--conditions", "@clauderon/source", program, directory];
    const { stdout, stderr } = spawnSync("unshare", ["-rm", ...node], { encoding: "utf8", timeout: 120_000 });
    await rm(directory, { recursive: true });
    expect(stderr).not.toContain("Error");
    const { filled, refused, counted, lines } = JSON.parse(stdout) as Outcome;
    expect({ filled, refused, counted }).toEqual({
      filled: "ENOSPC",
      refused: "store.full",
      counted: Array.from({ length: 3 }, () => "store.full"),
    });
    const ids = lines.map(({ kind, correlation_id: id }) => (kind === "gap" ? "gap" : id));
    expect(ids.filter((id) => !id.startsWith("in-time-"))).toEqual(["begun", "gap", "begun", "after"]);
    expect(ids).not.toContain("refused-1");
    expect(lines.find(({ kind }) => kind === "gap")).toMatchObject({ decision: "blocked", missing: 3 });
  },
);
