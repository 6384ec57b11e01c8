import { randomUUID } from "node:crypto";
import { mkdtemp, rm, realpath, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createHelpedRunner, createCommandRunner } from "@clauderon/core/host";
import { createWorkspaces, nodeFileSystem } from "@clauderon/workspaces";
import { makeRepository } from "./support/test-repository.ts";
import { git } from "./support/git.ts";
const kind = process.argv[2] ?? "private"; const files = Number(process.argv[3] ?? 1000); const what = process.argv[4] ?? "create";
const root = await realpath(await mkdtemp(path.join(tmpdir(), "prof-")));
const base = createCommandRunner();
let log: [string, number, number][] = []; let t0 = 0;
const timed = async (name: string, f: () => Promise<any>) => { const s = performance.now(); try { return await f(); } finally { log.push([name, s - t0, performance.now() - s]); } };
const runner = { run: (p: string, a: readonly string[], o: any) => timed("git " + a.filter((x) => !x.startsWith("-c") && !/=/.test(x)).slice(0, 4).join(" "), () => base.run(p, a, o)),
  stream: async function* (p: string, a: readonly string[], o: any) { const s = performance.now(); try { yield* base.stream(p, a, o); } finally { log.push(["git~ " + a.filter((x) => !x.startsWith("-c") && !/=/.test(x)).slice(0, 4).join(" "), s - t0, performance.now() - s]); } } } as any;
const fileSystem: any = {}; const sums = new Map<string, [number, number]>();
for (const [name, f] of Object.entries(nodeFileSystem)) fileSystem[name] = async (...args: any[]) => { const s = performance.now(); try { return await (f as any)(...args); } finally { const d = performance.now() - s; const [n, t] = sums.get(name) ?? [0, 0]; sums.set(name, [n + 1, t + d]); if (["replaceDurably", "sync", "holdFiles","copyHeld"].includes(name)) log.push([name + " " + String(args[0]).slice(-40), s - t0, d]); } };
const repository = path.join(root, "repository"), homeDirectory = path.join(root, "home"); await mkdir(homeDirectory);
await makeRepository(repository, files);
const w = createWorkspaces({ homeDirectory, instanceId: "b", runner, fileSystem });
const create = async (name: string) => { const sessionId = randomUUID(); const info = await w.resolve(repository, kind === "worktree" ? { forSession: sessionId } : {}); const request = { sessionId, name, repository: info, branchPrefix: "c/", withChanges: false, isPrivate: kind === "private" }; const record = await w.plan(request); await w.create(request, record); return { record, sessionId }; };
const first = await create("first");
const show = () => { for (const [n, at, d] of log.toSorted((a, b) => a[1] - b[1])) console.log(at.toFixed(0).padStart(6), d.toFixed(1).padStart(8), n); console.log([...sums].map(([n, [c, t]]) => `${n}:${c}/${t.toFixed(0)}`).join(" ")); };
if (what === "create") {
  for (const name of ["a", "b", "c"]) { log = []; sums.clear(); t0 = performance.now(); await create(name); const d = performance.now() - t0; if (name === "c") show(); console.log(name, d.toFixed(0)); const s = performance.now(); await git(["-C", repository, "worktree", "add", "--quiet", "-b", "bare/" + name, path.join(root, "bare", name)]); console.log("bare", (performance.now() - s).toFixed(0)); }
} else {
  for (const id of ["a", "b", "c"]) { log = []; sums.clear(); t0 = performance.now(); await w.checkpoints.create(first.record, { id, sessionId: first.sessionId, name: "b", at: new Date().toISOString(), trigger: "user", session: {} }); const d = performance.now() - t0; show(); console.log(id, d.toFixed(0)); }
}
await rm(root, { recursive: true, force: true });
