import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { createCommandRunner } from "@clauderon/core/host";
import { createWorkspaces, nodeFileSystem } from "@clauderon/workspaces";

import { git } from "./support/git.ts";
import { summary, timed } from "./support/statistics.ts";

// What an isolated session waits for before it can borrow a repository's history: the first one, and those after a change of the repository.
const { values } = parseArgs({ options: { mebibytes: { type: "string", default: "1024" } } });
const MEBIBYTE = 1024 * 1024;
const BLOB_BYTES = 64 * 1024;
const COMMITS = (Number(values.mebibytes) * MEBIBYTE) / BLOB_BYTES;
const RUNS = 5;

const root = await mkdtemp(path.join(tmpdir(), "clauderon-bench-mirror-"));
try {
  const repository = path.join(root, "repository");
  const commonDirectory = path.join(repository, ".git");
  await makeHistory(repository);
  const runner = createCommandRunner();
  const { mirrors } = createWorkspaces({ homeDirectory: path.join(root, "home"), instanceId: "bench", runner });
  let sessions = 0;
  const borrow = (): Promise<unknown> =>
    mirrors.borrow({ sessionId: `session-${String((sessions += 1))}`, commonDirectory });
  // Each file once, however many names it has.
  const mirrored = async (): Promise<number> => {
    const { stdout } = await runner.run("du", ["-sk", path.join(root, "home", "repositories")]);
    return Number.parseInt(stdout, 10) * 1024;
  };
  const commit = (message: string, ...more: string[]): Promise<string> =>
    git(["-C", repository, "-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", message, ...more]);
  const repeated = async (prepare: () => Promise<unknown>): Promise<ReturnType<typeof summary>> => {
    const samples: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      await prepare();
      samples.push(await timed(borrow));
    }
    return summary(samples);
  };

  const bareMs = await timed(() =>
    git(["clone", "--quiet", "--bare", `file://${repository}`, path.join(root, "bare")]),
  );
  await rm(path.join(root, "bare"), { recursive: true });
  const firstMs = await timed(borrow);
  const firstBytes = await mirrored();
  const same = await repeated(() => Promise.resolve());
  const newCommit = await repeated(() => commit("new", "--allow-empty"));
  await git(["-C", repository, "switch", "-qc", "topic"]);
  await commit("topic", "--allow-empty");
  const rewoundTopic = await repeated(() => commit("amended", "--allow-empty", "--amend"));
  const laterBytes = await mirrored();
  await git(["-C", repository, "branch", "-qf", "main", "main~1"]);
  const rewoundTrunkMs = await timed(borrow);
  console.log(
    JSON.stringify({
      commits: COMMITS,
      repositoryBytes: await nodeFileSystem.bytesOf(path.join(commonDirectory, "objects")),
      bareCloneMs: Math.round(bareMs),
      firstMs: Math.round(firstMs),
      firstBytes,
      same,
      newCommit,
      rewoundTopic,
      sessions: sessions - 1,
      laterBytes,
      rewoundTrunkMs: Math.round(rewoundTrunkMs),
      rewoundTrunkBytes: await mirrored(),
    }),
  );
} finally {
  await rm(root, { recursive: true, force: true });
}

/** One branch; each commit changes one of 1,000 files. */
async function makeHistory(directory: string): Promise<void> {
  await git(["init", "--quiet", "--initial-branch=main", directory]);
  const args = ["-C", directory, "-c", "core.compression=0", "fast-import", "--quiet"];
  const child = spawn("git", args, { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(child, "exit");
  for (let index = 0; index < COMMITS; index += 1) {
    const file = index % 1000;
    const head = `commit refs/heads/main\ncommitter b <b@example.org> ${String(1_700_000_000 + index)} +0000\ndata 1\nc\n`;
    const name = `folder-${String(file % 40)}/file-${String(file)}`;
    child.stdin.write(`${head}M 100644 inline ${name}\ndata ${String(BLOB_BYTES)}\n`);
    child.stdin.write(randomBytes(BLOB_BYTES));
    if (!child.stdin.write("\n")) await once(child.stdin, "drain");
  }
  child.stdin.end("done\n");
  await ended;
}
