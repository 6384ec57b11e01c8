import { mkdtempSync, rmSync, readFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@clauderon/core/contract";
import { makeOwnGitDirectory as now } from "../packages/workspaces/src/own-git-directory.ts";
import { makeOwnGitDirectory as old } from "../packages/workspaces/zz-old/src/own-git-directory.ts";
import { createScratchDirectories } from "../packages/workspaces/src/scratch-directories.ts";
import { nodeFileSystem } from "../packages/workspaces/src/workspace-file-system.ts";
import { makeRepository } from "./support/test-repository.ts";
const root = mkdtempSync(join(tmpdir(), "wsbench-"));
const repository = join(root, "repository");
await makeRepository(repository, 10);
const scratch = createScratchDirectories({ fileSystem: nodeFileSystem, logger: silentLogger, homeDirectory: join(root, "home") });
const tools = { fileSystem: nodeFileSystem, scratch, logger: silentLogger, homeDirectory: "", instanceId: "", git: undefined as never };
const tree = { workTree: repository, gitDirectory: join(repository, ".git"), commonDirectory: join(repository, ".git"), head: "a".repeat(40) };
const times: Record<string, number[]> = {};
const add = (k: string, v: number) => (times[k] ??= []).push(v);
for (let i = 0; i < 100; i++) for (const [n, f] of [["old", old], ["new", now]] as const) {
  let s = performance.now(); const own = await f(tools, tree, { use: "read" }); add(`${n} make`, performance.now() - s);
  s = performance.now(); await own[Symbol.asyncDispose](); add(`${n} discard`, performance.now() - s);
}
for (const [k, v] of Object.entries(times)) { v.sort((x, y) => x - y); console.log(k.padEnd(20), [v[0], v[Math.floor(v.length / 10)], v[v.length >> 1]].map((x) => x!.toFixed(2)).join("  ")); }
rmSync(root, { recursive: true, force: true });
