import { execFile } from "node:child_process";
import { appendFile, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { git } from "./support/git.ts";
import { type Comparison, Samples } from "./support/samples.ts";
import { makeRepository } from "./support/test-repository.ts";

// diff, delete and undo of a session with changes in it, against what a user does without us with a worktree of the same content: `git diff`, `tar` and then
// `git worktree remove`, `git worktree add` and then untar. `--long` adds 100,000 files.
const run = promisify(execFile);
const root = await makeRoot();

interface Row {
  readonly files: number;
  readonly diff: Comparison;
  readonly delete: Comparison;
  readonly undo: Comparison;
}

/** One of a hundred files is changed, and as many are new. */
async function work(worktree: string, files: number): Promise<void> {
  for (let index = 0; index < files; index += 100) {
    const folder = path.join(worktree, `folder-${Math.floor(index / 100)}`);
    await appendFile(path.join(folder, `file-${index}.txt`), "changed\n");
    await appendFile(path.join(folder, `new-${index}.txt`), "new\n");
  }
}

async function tar(args: readonly string[]): Promise<void> {
  await run("tar", args);
}

async function measure(files: number, rounds: number): Promise<Row> {
  const repository = path.join(root, `repository-${files}`);
  await makeRepository(repository, files);
  const samples = { diff: new Samples(), delete: new Samples(), undo: new Samples() };
  for (let round = 0; round < rounds; round += 1) {
    const name = `undo-${files}-${round}`;
    const bare = path.join(root, "bare", name);
    const archive = path.join(root, `${name}.tar`);
    const session = await daemon.clauderon.sessions.create({ repository, name, agent: "sleeper" });
    const add = ["-C", repository, "worktree", "add", "--quiet"];
    await git([...add, "-b", `bare/${name}`, bare]);
    await work((await session.detail()).workspace, files);
    await work(bare, files);
    // The agent's end is no part of what is compared.
    await session.stop();
    await samples.diff.add(
      () => session.diff(),
      async () => {
        await git(["-C", bare, "add", "--intent-to-add", "."]);
        await git(["-C", bare, "diff", "HEAD"]);
      },
    );
    await samples.delete.add(
      () => session.delete({ discard: true }),
      async () => {
        await tar(["-C", bare, "--exclude=./.git", "-cf", archive, "."]);
        await git(["-C", repository, "worktree", "remove", "--force", bare]);
      },
    );
    let restored = session;
    await samples.undo.add(
      async () => {
        restored = await daemon.clauderon.undo.restore({ reference: name });
      },
      async () => {
        await git([...add, bare, `bare/${name}`]);
        await tar(["-C", bare, "-xf", archive]);
      },
    );
    await restored.delete({ discard: true });
    await daemon.clauderon.undo.drop(restored.id);
    await git(["-C", repository, "worktree", "remove", "--force", bare]);
    await rm(archive);
  }
  return {
    files,
    diff: samples.diff.comparison,
    delete: samples.delete.comparison,
    undo: samples.undo.comparison,
  };
}

const config = '[general]\ndefault_backend = "local"\n[agents.sleeper]\ncommand = ["sleep", "100000"]\n';
await using daemon = await startBenchDaemon({ root, config });
const rows = [await measure(1000, 7), await measure(10_000, 3)];
if (process.argv.includes("--long")) rows.push(await measure(100_000, 2));
console.log(JSON.stringify({ rows }));
