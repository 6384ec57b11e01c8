import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, mkdirSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCommandRunner } from "@clauderon/core/host";
import { createWorkspaces } from "../packages/workspaces/src/index.ts";
import { makeRepository } from "./support/test-repository.ts";
import { git } from "./support/git.ts";
import { ratio, summary, timed } from "./support/statistics.ts";
const files = Number(process.argv[2] ?? 1000), rounds = Number(process.argv[3] ?? 20), verbose = process.argv[4] === "v";
const root = mkdtempSync(join(tmpdir(), "wsbench-"));
const repository = join(root, "repository");
await makeRepository(repository, files);
let log: string[] = [];
const real = createCommandRunner();
const t0 = () => performance.now();
const runner: typeof real = {
  run: async (program, args, options) => { const s = t0(); try { return await real.run(program, args, options); } finally { log.push(`${args.filter((a) => !a.startsWith("-c") && !/=(false|never|0|\/dev\/null)$/.test(a)).slice(0, 3).join(" ")} [${(s - zero).toFixed(1)} +${(t0() - s).toFixed(1)}]`); } },
  stream: async function* (program, args, options) { const s = t0(); try { yield* real.stream(program, args, options); } finally { log.push(`S ${args.filter((a) => !a.startsWith("-c") && !/=(false|never|0|\/dev\/null)$/.test(a)).slice(0, 3).join(" ")} [${(s - zero).toFixed(1)} +${(t0() - s).toFixed(1)}]`); } },
};
let zero = 0;
import { wrappedFileSystem } from "../packages/workspaces/test/faulty-file-system.ts";
const fileSystem = wrappedFileSystem(async (name, call) => { const s = t0(); try { return await call(); } finally { log.push(`${name} [${(s - zero).toFixed(1)} +${(t0() - s).toFixed(1)}]`); } });
const provider = createWorkspaces({ homeDirectory: join(root, "home"), instanceId: "i", runner, ...(process.argv[5] === "f" ? { fileSystem } : {}) });
const parts: Record<string, number[]> = { resolve: [], plan: [], create: [] };
const ours: number[] = [], bare: number[] = [], plain: number[] = [];
for (let round = 0; round <= rounds; round++) {
  const name = `r${round}`;
  const bareMs = await timed(async () => { await git(["-C", repository, "worktree", "add", "--quiet", "-b", `bare/${name}`, join(root, "bare", name)]); });
  log = []; zero = t0();
  const a = t0(); const info = await provider.resolve(repository);
  const b = t0(); const request = { sessionId: `s-${name}`, name, repository: info, branchPrefix: "clauderon/", withChanges: false };
  const record = await provider.plan(request);
  const c = t0(); await provider.create(request, record); const d = t0();
  if (verbose) console.log(bareMs.toFixed(1), "| resolve", (b - a).toFixed(1), "plan", (c - b).toFixed(1), "create", (d - c).toFixed(1), log.join("\n     "));
  await provider.remove(record, { sessionId: `s-${name}`, force: true });
  await git(["-C", repository, "worktree", "remove", "--force", join(root, "bare", name)]);
  if (round === 0) continue;
  parts.resolve!.push(b - a); parts.plan!.push(c - b); parts.create!.push(d - c); ours.push(d - a); bare.push(bareMs);
}
console.log(JSON.stringify({ files, bare: summary(bare), ours: summary(ours), ratio: ratio(ours, bare), ...Object.fromEntries(Object.entries(parts).map(([k, v]) => [k, summary(v).medianMs])) }));
rmSync(root, { recursive: true, force: true });
