import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";

import type { WorkspaceRecord } from "@clauderon/core/contract";
import { createHelpedRunner } from "@clauderon/core/host";
import { createWorkspaces } from "@clauderon/workspaces";

import { git } from "./support/git.ts";
import { type Comparison, Samples } from "./support/samples.ts";
import { makeRepository } from "./support/test-repository.ts";

// The workspace of a further session on a repository that has one, linked and private, against bare `git worktree add`: time, and disk beside the files themselves.
// `--files 1000,10000` chooses the sizes, `--kinds private` what is measured.
const { values } = parseArgs({
  options: {
    files: { type: "string", default: "1000,10000,100000" },
    kinds: { type: "string", default: "worktree,private" },
  },
});
const run = promisify(execFile);
// As in the daemon.
const runner = createHelpedRunner();
void runner.start();
const root = await realpath(await mkdtemp(path.join(tmpdir(), "clauderon-bench-second-")));

interface Row {
  readonly kind: "worktree" | "private";
  readonly files: number;
  readonly time: Comparison;
  /** What a further session takes beside its files; of `git worktree add` the entry in the repository. */
  readonly bytes: { readonly ours: number; readonly bare: number };
}

async function bytesOf(...places: readonly string[]): Promise<number> {
  const { stdout } = await run("du", ["-sck", ...places]);
  return Number.parseInt(stdout.trimEnd().split("\n").at(-1) ?? "", 10) * 1024;
}

async function measure(kind: Row["kind"], files: number): Promise<Row> {
  const place = path.join(root, `${kind}-${String(files)}`);
  const repository = path.join(place, "repository");
  const homeDirectory = path.join(place, "home");
  await mkdir(homeDirectory, { recursive: true });
  const other = path.join(place, "other");
  // Each has one of its own: a branch that bare git makes would be history that the next session may see.
  for (const one of [repository, other]) await makeRepository(one, files);
  const workspaces = createWorkspaces({ homeDirectory, instanceId: "bench", runner });
  const create = async (name: string): Promise<WorkspaceRecord> => {
    const sessionId = randomUUID();
    const info = await workspaces.resolve(repository, { forSession: sessionId });
    const request = {
      sessionId,
      name,
      repository: info,
      branchPrefix: "clauderon/",
      withChanges: false,
      isPrivate: kind === "private",
    };
    const record = await workspaces.plan(request);
    await workspaces.create(request, record);
    return record;
  };
  const add = (name: string): Promise<string> =>
    git(["-C", other, "worktree", "add", "--quiet", "-b", `bare/${name}`, path.join(place, "bare", name)]);
  await create("first");
  await add("first");
  const time = new Samples();
  for (let round = 0; round < (files >= 100_000 ? 3 : 11); round += 1) {
    const name = `n${String(round)}`;
    await time.add(
      () => create(name),
      () => add(name),
    );
  }
  const common = path.join(repository, ".git");
  const ours =
    kind === "private" ? [path.join(homeDirectory, "private"), path.join(homeDirectory, "repositories")] : [common];
  const beforeBytes = await bytesOf(...ours);
  await create("last");
  const betweenBytes = await bytesOf(...ours);
  const bareCommon = path.join(other, ".git");
  const bareBeforeBytes = await bytesOf(bareCommon);
  await add("last");
  const bareBytes = (await bytesOf(bareCommon)) - bareBeforeBytes;
  await rm(place, { recursive: true });
  return { kind, files, time: time.comparison, bytes: { ours: betweenBytes - beforeBytes, bare: bareBytes } };
}

try {
  const rows: Row[] = [];
  for (const files of values.files.split(","))
    for (const kind of (["worktree", "private"] as const).filter((each) => values.kinds.split(",").includes(each)))
      rows.push(await measure(kind, Number(files)));
  console.log(JSON.stringify({ target: 1.3, rows }));
} finally {
  await runner[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
}
