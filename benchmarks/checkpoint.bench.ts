import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { appendFile, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";

import type { WorkspaceCheckpointRequest, WorkspaceRecord } from "@clauderon/core/contract";
import { createHelpedRunner } from "@clauderon/core/host";
import { createWorkspaces, type Workspaces } from "@clauderon/workspaces";

import { git } from "./support/git.ts";
import { type Comparison, Samples } from "./support/samples.ts";
import { makeRepository } from "./support/test-repository.ts";

// A checkpoint and going back to it, against `tar` of the same worktree and removing it and unpacking; one of a hundred files changes before each. Then what a
// hundred checkpoints of one large tree take. `--files 1000,10000` chooses the sizes; `--mebibytes 500` the tree, 0 leaves it out.
const { values } = parseArgs({
  options: { files: { type: "string", default: "1000,10000,100000" }, mebibytes: { type: "string", default: "500" } },
});
const MEBIBYTE = 1024 * 1024;
const CHECKPOINTS = 100;
const run = promisify(execFile);
// As in the daemon.
const runner = createHelpedRunner();
void runner.start();
const root = await realpath(await mkdtemp(path.join(tmpdir(), "clauderon-bench-checkpoint-")));

interface Session {
  readonly workspaces: Workspaces;
  readonly record: WorkspaceRecord;
  readonly sessionId: string;
}

async function sessionOf(repository: string, homeDirectory: string): Promise<Session> {
  const workspaces = createWorkspaces({ homeDirectory, instanceId: "bench", runner });
  const sessionId = randomUUID();
  const request = {
    sessionId,
    name: "bench",
    repository: await workspaces.resolve(repository),
    branchPrefix: "clauderon/",
    withChanges: false,
  };
  const record = await workspaces.plan(request);
  await workspaces.create(request, record);
  return { workspaces, record, sessionId };
}

function asked(sessionId: string): WorkspaceCheckpointRequest {
  return { id: randomUUID(), sessionId, name: "bench", at: new Date().toISOString(), trigger: "user", session: {} };
}

interface Row {
  readonly files: number;
  /** All files are new to it. */
  readonly first: Comparison;
  readonly next: Comparison;
  readonly restore: Comparison;
}

async function measure(files: number): Promise<Row> {
  const rounds = files >= 100_000 ? 2 : 5;
  const samples = { first: new Samples(), next: new Samples(), restore: new Samples() };
  for (let round = 0; round < rounds; round += 1) {
    const place = path.join(root, `${String(files)}-${String(round)}`);
    const repository = path.join(place, "repository");
    await mkdir(place);
    await makeRepository(repository, files);
    const { workspaces, record, sessionId } = await sessionOf(repository, path.join(place, "home"));
    const bare = path.join(place, "bare");
    await git(["-C", repository, "worktree", "add", "--quiet", "-b", "bare", bare]);
    const archive = (name: string): string => path.join(place, `${name}.tar`);
    const tar = (name: string): Promise<unknown> => run("tar", ["-C", bare, "-cf", archive(name), "."]);
    const work = async (): Promise<void> => {
      for (const worktree of [record.path, bare])
        for (let index = 0; index < files; index += 100)
          await appendFile(path.join(worktree, `folder-${String(index / 100)}`, `file-${String(index)}.txt`), "more\n");
    };
    await work();
    const first = asked(sessionId);
    await samples.first.add(
      () => workspaces.checkpoints.create(record, first),
      () => tar("first"),
    );
    await work();
    await samples.next.add(
      () => workspaces.checkpoints.create(record, asked(sessionId)),
      () => tar("next"),
    );
    await samples.restore.add(
      () => workspaces.checkpoints.restore(record, { id: first.id, before: asked(sessionId) }),
      // What is there is kept as well, and all of it is replaced: `tar` does not know what differs.
      async () => {
        await tar("before");
        await rm(bare, { recursive: true });
        await mkdir(bare);
        await run("tar", ["-C", bare, "-xf", archive("first")]);
      },
    );
    await rm(place, { recursive: true });
  }
  return { files, first: samples.first.comparison, next: samples.next.comparison, restore: samples.restore.comparison };
}

interface Sizes {
  readonly treeBytes: number;
  readonly checkpoints: number;
  readonly bytes: number;
  readonly ratio: number;
  readonly seconds: number;
}

/** Files of noise, which nothing makes smaller; a line is added to one of them before each checkpoint. */
async function hundred(mebibytes: number): Promise<Sizes> {
  const repository = path.join(root, "sizes");
  await git(["init", "--quiet", "--initial-branch=main", repository]);
  const author = ["-c", "user.name=b", "-c", "user.email=b@example.org"];
  await git(["-C", repository, ...author, "commit", "--quiet", "--allow-empty", "--message", "First"]);
  const { workspaces, record, sessionId } = await sessionOf(repository, path.join(root, "home"));
  const files = 1000;
  const bytesEach = Math.round((mebibytes * MEBIBYTE) / files);
  for (let index = 0; index < files; index += 1) {
    const folder = path.join(record.path, `folder-${String(index % 40)}`);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, `file-${String(index)}`), randomBytes(bytesEach));
  }
  const startedMs = performance.now();
  for (let count = 0; count < CHECKPOINTS; count += 1) {
    await writeFile(path.join(record.path, "notes.txt"), `${String(count)}\n`);
    if (count % 10 === 0) await appendFile(path.join(record.path, "folder-0", "file-0"), "more\n");
    await workspaces.checkpoints.create(record, asked(sessionId));
  }
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const bytes = await workspaces.checkpoints.bytesOf(sessionId);
  const treeBytes = bytesEach * files;
  return { treeBytes, checkpoints: CHECKPOINTS, bytes, ratio: Math.round((bytes / treeBytes) * 1000) / 1000, seconds };
}

try {
  const rows: Row[] = [];
  for (const files of values.files.split(",").filter((text) => text !== "")) rows.push(await measure(Number(files)));
  const mebibytes = Number(values.mebibytes);
  console.log(JSON.stringify({ rows, ...(mebibytes === 0 ? {} : { sizes: await hundred(mebibytes) }) }));
} finally {
  await runner[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
}
