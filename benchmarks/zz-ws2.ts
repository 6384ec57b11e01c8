import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCommandRunner } from "@clauderon/core/host";
import { createWorkspaces as createNew } from "../packages/workspaces/src/index.ts";
import { createWorkspaces as createOld } from "../packages/workspaces/zz-old/src/index.ts";
import { makeRepository } from "./support/test-repository.ts";
import { git } from "./support/git.ts";
import { ratio, summary, timed } from "./support/statistics.ts";
const files = Number(process.argv[2] ?? 1000), rounds = Number(process.argv[3] ?? 20);
const root = mkdtempSync(join(tmpdir(), "wsbench-"));
const repository = join(root, "repository");
await makeRepository(repository, files);
const runner = createCommandRunner();
const make = { old: createOld({ homeDirectory: join(root, "old"), instanceId: "i", runner }), new: createNew({ homeDirectory: join(root, "new"), instanceId: "i", runner }) };
const parts: Record<string, number[]> = {};
const times: Record<string, number[]> = { bare: [], old: [], new: [] };
for (let round = 0; round <= rounds; round++) {
  const kinds = ["bare", "old", "new"] as const;
  const order = [0, 1, 2].map((i) => kinds[(i + round) % 3]!);
  const undo: (() => Promise<unknown>)[] = [];
  for (const kind of order) {
    const name = `${kind}${round}`;
    let t: number;
    if (kind === "bare") {
      t = await timed(async () => { await git(["-C", repository, "worktree", "add", "--quiet", "-b", `bare/${name}`, join(root, "bare", name)]); });
      undo.push(() => git(["-C", repository, "worktree", "remove", "--force", join(root, "bare", name)]));
    } else {
      const provider = make[kind];
      const a = performance.now(); const info = await provider.resolve(repository);
      const b = performance.now(); const request = { sessionId: `s-${name}`, name, repository: info, branchPrefix: `${kind}/`, withChanges: false };
      const record = await provider.plan(request); await provider.create(request, record); const d = performance.now();
      t = d - a; if (round > 0) { (parts[`${kind} resolve`] ??= []).push(b - a); (parts[`${kind} create`] ??= []).push(d - b); }
      undo.push(() => provider.remove(record, { sessionId: `s-${name}`, force: true }));
    }
    if (round > 0) times[kind]!.push(t);
  }
}
const s = (v: number[]) => { const x = summary(v); return `${x.medianMs} (min ${x.minMs})`; };
console.log(files, tmpdir(), Object.entries(times).map(([k, v]) => `${k} ${s(v)}`).join(" | "), "| ratio old", ratio(times["old"]!, times["bare"]!), "new", ratio(times["new"]!, times["bare"]!), "new/old", ratio(times["new"]!, times["old"]!));
console.log("   ", Object.entries(parts).map(([k, v]) => `${k} ${s(v)}`).join(" | "));
rmSync(root, { recursive: true, force: true });
