import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { createCommandRunner } from "@clauderon/core/host";
import { createWorkspaces as createNew } from "../packages/workspaces/src/index.ts";
import { createWorkspaces as createOld } from "../packages/workspaces/zz-old/src/index.ts";
import { makeRepository } from "./support/test-repository.ts";
const root = mkdtempSync(join(tmpdir(), "wsbench-"));
const repository = join(root, "repository");
await makeRepository(repository, 1000);
const real = createCommandRunner();
const times: Record<string, number[]> = {};
const add = (k: string, v: number) => (times[k] ??= []).push(v);
let who = "";
const runner: typeof real = {
  run: async (p, a, o) => { const s = performance.now(); try { return await real.run(p, a, o); } finally { add(`${who} ${a.find((x) => /^[a-z]+-?[a-z]+$/.test(x))}`, performance.now() - s); } },
  stream: async function* (p, a, o) { const s = performance.now(); try { yield* real.stream(p, a, o); } finally { add(`${who} status`, performance.now() - s); } },
};
const make = { old: createOld({ homeDirectory: join(root, "old"), instanceId: "i", runner }), new: createNew({ homeDirectory: join(root, "new"), instanceId: "i", runner }) };
for (let i = 0; i < 60; i++) {
  for (const kind of ["old", "new"] as const) { who = kind; const s = performance.now(); await make[kind].resolve(repository); add(`${kind} TOTAL`, performance.now() - s); }
  const s = performance.now(); spawnSync("git", ["status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all"], { cwd: repository }); add("sync status", performance.now() - s);
  const t = performance.now(); spawnSync("git", ["rev-parse", "HEAD"], { cwd: repository }); add("sync rev-parse", performance.now() - t);
}
for (const [k, v] of Object.entries(times)) { v.sort((x, y) => x - y); console.log(k.padEnd(20), [v[0], v[Math.floor(v.length / 10)], v[v.length >> 1]].map((x) => x!.toFixed(1)).join("  ")); }
rmSync(root, { recursive: true, force: true });
