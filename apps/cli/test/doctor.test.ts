import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { BackendInfo, BackendOverview } from "@clauderon/core/contract";
import { expect, onTestFinished, test } from "vitest";

import { FakeClauderon } from "./fake-clauderon.ts";
import { runInProcess, type RunResult } from "./run-in-process.ts";

const LONG = "the program is there, but the service behind it did not answer within ten seconds, three times in a row";
const FIX = `sudo ${"start the-service ".repeat(8)}now`;
const capabilities = {
  isolation: "container",
  workspace: "mounted",
  terminal: "bytes",
  image: true,
  cpuLimit: true,
  memoryLimit: true,
  processLimit: true,
  pullPolicy: true,
  networkPolicy: false,
  hibernate: false,
  checkpoint: false,
  refresh: false,
  usage: false,
  user: false,
} as const;

const backend = (backendId: string, isUsable: boolean): BackendInfo => ({
  backendId,
  capabilities,
  report: {
    backendId,
    isUsable,
    checks: [{ id: "service", status: isUsable ? "ok" : "failed", message: LONG, ...(isUsable ? {} : { fix: FIX }) }],
  },
});

const overview: BackendOverview = {
  backends: [backend("local", true), backend("kubernetes", false)],
  default: { backendId: "local", reason: LONG },
  auto: { backendId: undefined, reason: LONG },
};

async function doctor(...flags: string[]): Promise<RunResult> {
  return run(["doctor", ...flags], overview);
}

async function run(args: readonly string[], found: BackendOverview): Promise<RunResult> {
  const directory = await mkdtemp(join(tmpdir(), "clauderon-doctor-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const fake = new FakeClauderon();
  fake.backends = () => Promise.resolve(found);
  const access = {
    connect: () => Promise.resolve(fake),
    homeDirectory: () => Promise.resolve(join(directory, "home")),
  };
  return runInProcess([...args], { access });
}

test("doctor is readable at 80 columns, and says every reason whole", async () => {
  const { stdout } = await doctor();
  expect(stdout.split("\n").filter((line) => line.length > 80 && !line.includes("fix:"))).toEqual([]);
  expect(stdout).toMatch(
    /^BACKEND +USABLE +ISOLATION +BY DEFAULT +BY --backend auto\nlocal +yes +container +yes +no$/m,
  );
  expect(stdout).toMatch(/^kubernetes +no +container +no +no$/m);
  const words = stdout.replaceAll(/\s+/g, " ");
  // Which backend is taken; the two checks; the reasons of both backends; the two choices.
  expect(words.split(LONG)).toHaveLength(1 + 1 + 2 + 3 + 2);
  expect(stdout).toContain(` fix:     ${FIX}\n`);
});

test("doctor --json holds the same as data", async () => {
  const report: unknown = JSON.parse((await doctor("--json=backends,auto")).stdout);
  expect(report).toEqual({
    backends: [
      {
        backendId: "local",
        isUsable: true,
        version: null,
        isolation: "container",
        default: { isChosen: true, reason: LONG },
        auto: { isChosen: false, reason: "another one isolates more strongly" },
      },
      {
        backendId: "kubernetes",
        isUsable: false,
        version: null,
        isolation: "container",
        default: { isChosen: false, reason: LONG },
        auto: { isChosen: false, reason: LONG },
      },
    ],
    auto: { backendId: null, reason: LONG },
  });
});

test.each([["doctor"], ["setup", "--check"]])(
  "%s %s tells what the daemon works with repositories by",
  async (...args) => {
    const command = args.filter((word) => word !== undefined);
    const missing = { id: "git", status: "failed", message: "isomorphic-git is in use", fix: "install git" } as const;
    const { stdout, code } = await run(command, { ...overview, workspaces: [missing] });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^git +failed +isomorphic-git is in use\n +fix: +install git$/m);
    const shown = await run([...command, "--json=rows"], { ...overview, workspaces: [{ ...missing, status: "ok" }] });
    const { rows } = JSON.parse(shown.stdout) as { readonly rows: readonly unknown[] };
    expect(rows).toContainEqual({ ...missing, status: "ok", isRequired: true });
  },
);
