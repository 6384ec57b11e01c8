import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { ExecOptions, ProcessHandle, Sandbox, WorkspaceSync } from "@clauderon/core/contract";
import { collectBytes, spawnProcess } from "@clauderon/core/host";

import { createGit } from "../src/git.ts";
import { createScratchDirectories } from "../src/scratch-directories.ts";
import { nodeFileSystem } from "../src/workspace-file-system.ts";
import type { WorkspaceTools } from "../src/workspace-tools.ts";
import { type Fixture, fixture, INSTANCE, made, type Made, snapshot, helpedRunner } from "./git-fixture.ts";

/** A sandbox with a directory tree of its own: what is known of it comes through `exec`. */
export interface FarSandbox extends Pick<Sandbox, "exec"> {
  /** For the tests alone. */
  readonly workspacePath: string;
  /** Runs git inside and gives its output; rejects with what it complained about. */
  readonly git: (...args: readonly string[]) => Promise<string>;
  /** Runs a script inside; rejects with what it complained about. */
  readonly script: (text: string) => Promise<string>;
}

export function farSandbox(world: Fixture, name = "far"): FarSandbox {
  const workspacePath = join(world.root, name, "workspace");
  const home = join(world.root, name, "home");
  for (const directory of [workspacePath, home]) mkdirSync(directory, { recursive: true });
  const exec = (argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<ProcessHandle> =>
    spawnProcess(argv, {
      cwd: workspacePath,
      environment: { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1", ...options.environment },
      stdin: options.stdin,
      timeoutMs: options.timeoutMs,
    });
  const run = async (argv: readonly [string, ...string[]]): Promise<string> => {
    const handle = await exec(argv);
    const [stdout, stderr, { exitCode }] = await Promise.all([
      collectBytes(handle.stdout),
      collectBytes(handle.stderr),
      handle.exit,
    ]);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${Buffer.from(stderr).toString()}`);
    return Buffer.from(stdout).toString();
  };
  return {
    exec,
    workspacePath,
    git: (...args) => run(["git", ...args]),
    script: (text) => run(["sh", "-ec", text]),
  };
}

export interface RemoteSession extends Made {
  readonly world: Fixture;
  readonly sandbox: FarSandbox;
  /** Git as the user runs it in this machine's copy. */
  readonly host: (...args: readonly string[]) => string;
  readonly sync: (options?: {
    readonly isLast?: boolean;
    readonly ignoredLimitBytes?: number;
  }) => Promise<WorkspaceSync>;
}

/** One whose sandbox has the workspace. */
export async function remoteSession(
  options: NonNullable<Parameters<typeof made>[1]> & { readonly world?: Fixture } = {},
): Promise<RemoteSession> {
  const { world = fixture(), ...request } = options;
  const whole = await made(world, { isRemote: true, ...request });
  const sandbox = farSandbox(world);
  await world.provider.send(whole.record, sandbox);
  return {
    ...whole,
    world,
    sandbox,
    host: (...args) => world.git(args, whole.record.path),
    sync: (call) => world.provider.sync(whole.record, sandbox, call),
  };
}

/** Content, kinds and executable bits of all but git's own. */
export function filesOf(directory: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(snapshot(directory, false)).filter(([name]) => !/^\/\.git(?:\/|$)/u.test(name)),
  );
}

/** What the parts of the package work with, for tests of one of them. */
export function toolsOf({ home, environment }: Fixture): WorkspaceTools {
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    child: () => logger,
  };
  const directory = join(home, "state", "workspaces", "scratch");
  return {
    git: createGit(helpedRunner, environment),
    fileSystem: nodeFileSystem,
    logger,
    scratch: createScratchDirectories({ fileSystem: nodeFileSystem, logger, directory }),
    homeDirectory: home,
    environment,
    instanceId: INSTANCE,
  };
}
