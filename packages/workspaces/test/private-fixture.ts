import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ExecOptions, ProcessHandle, Sandbox, WorkspaceMount, WorkspaceSync } from "@clauderon/core/contract";
import { collectBytes, spawnProcess } from "@clauderon/core/host";

import { type Fixture, fixture, made, type Made } from "./git-fixture.ts";

/**
 * What a container backend does with a mount, by the kernel's own means: a mount namespace that shows of the test's directory the workspace, at a place of its
 * own, with the git file laid over `.git`, the sandbox's git directory, and what it borrows, read-only. Needs root on Linux.
 */
const enter = String.raw`
set -e
root=$1 workspace=$2 file=$3 directory=$4 borrows=$5 inside=$6 home=$7 cwd=$8
shift 8
mount -t tmpfs none /mnt
mkdir /mnt/workspace /mnt/directory /mnt/borrows
: > /mnt/file
mount --bind "$workspace" /mnt/workspace
mount --bind "$directory" /mnt/directory
mount --bind "$borrows" /mnt/borrows
mount --bind "$file" /mnt/file
mount -t tmpfs none "$root"
mkdir -p "$inside" "$directory" "$borrows" "$home"
mount --move /mnt/workspace "$inside"
mount --move /mnt/directory "$directory"
mount --move /mnt/borrows "$borrows"
mount -o remount,bind,ro "$borrows"
mount --move /mnt/file "$inside/.git"
mount -o remount,bind,ro "$inside/.git"
umount /mnt
cd "$inside"
cd "$cwd"
exec "$@"
`;

const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;

/** Why tests with real mounts do not run here; absent when they do. */
export const whyNoMounts: string | undefined = canMount
  ? undefined
  : "not run: mount namespaces need root on Linux; the sandbox's view is tested on the fake backend alone";

/** A command that runs inside, as `argv`. */
export function enterCommand(
  mount: WorkspaceMount,
  at: {
    readonly root: string;
    readonly workspacePath: string;
    readonly home: string;
    readonly cwd?: string | undefined;
  },
): readonly [string, ...string[]] {
  const { hostPath = "", gitFile } = mount;
  if (gitFile === undefined) throw new Error("the workspace has no git directory of its own");
  const [borrows = ""] = gitFile.borrows ?? [];
  const places = [at.root, hostPath, gitFile.hostPath, gitFile.directory, borrows, at.workspacePath, at.home];
  return ["unshare", "-m", "sh", "-c", enter, "enter", ...places, at.cwd ?? "."];
}

export interface MountedSandbox extends Pick<Sandbox, "exec"> {
  /** Runs git inside and gives its output; rejects with what it complained about. */
  readonly git: (args: readonly string[], options?: { readonly cwd?: string }) => Promise<string>;
  run(
    argv: readonly [string, ...string[]],
    options?: ExecOptions,
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
  readonly workspacePath: string;
}

export function mountedSandbox(
  { root }: Pick<Fixture, "root">,
  mount: WorkspaceMount,
  workspacePath: string = join(root, "inside", "workspace"),
): MountedSandbox {
  const home = join(root, "inside", "home");
  const exec = (argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<ProcessHandle> =>
    spawnProcess([...enterCommand(mount, { root, workspacePath, home, cwd: options.cwd }), ...argv], {
      cwd: "/",
      environment: { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1", ...options.environment },
      stdin: options.stdin,
      timeoutMs: options.timeoutMs,
    });
  const run: MountedSandbox["run"] = async (argv, options) => {
    const handle = await exec(argv, options);
    const [stdout, stderr, { exitCode }] = await Promise.all([
      collectBytes(handle.stdout),
      collectBytes(handle.stderr),
      handle.exit,
    ]);
    return { exitCode, stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
  };
  return {
    exec,
    run,
    workspacePath,
    git: async (args, options = {}) => {
      const { exitCode, stdout, stderr } = await run(["git", ...args], options);
      if (exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
      return stdout;
    },
  };
}

export interface PrivateSession extends Made {
  readonly world: Fixture;
  readonly sandbox: MountedSandbox;
  /** Git as the user runs it in the worktree. */
  readonly host: (args: readonly string[]) => string;
  readonly sync: () => Promise<WorkspaceSync>;
}

export async function privateSession(
  options: NonNullable<Parameters<typeof made>[1]> & { readonly world?: Fixture } = {},
): Promise<PrivateSession> {
  const { world = fixture(), ...request } = options;
  const whole = await made(world, { isPrivate: true, ...request });
  const sandbox = mountedSandbox(world, await world.provider.mount(whole.record));
  return {
    ...whole,
    world,
    sandbox,
    host: (args) => world.git(args, whole.record.path),
    sync: () => world.provider.sync(whole.record, sandbox),
  };
}

/** A program that leaves a mark when it is run. */
export function canary(directory: string): { readonly program: string; readonly mark: string } {
  mkdirSync(directory, { recursive: true });
  const program = join(directory, "program");
  const mark = join(directory, "mark");
  writeFileSync(program, `#!/bin/sh\ntouch '${mark}'\n`, { mode: 0o755 });
  return { program, mark };
}
