import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type {
  CommandRunner,
  RepositoryInfo,
  WorkspaceProvider,
  WorkspaceRecord,
  WorkspaceRequest,
} from "@clauderon/core/contract";
import { createHelpedRunner, type HelpedRunner } from "@clauderon/core/host";
import { expect, onTestFinished } from "vitest";

import { createWorkspaces, type Workspaces, type WorkspacesOptions } from "../src/index.ts";

export const INSTANCE = "11111111-1111-4111-8111-111111111111";

/** Matches an error of ours with the code, which says how to mend it. */
export function errorWith(code: string): unknown {
  return expect.objectContaining({ code, fix: expect.arrayContaining([expect.any(String)]) });
}

/** As in the daemon: this process is large, and starts many. */
export const helpedRunner: HelpedRunner = createHelpedRunner();
await helpedRunner.start();

/** The environment of git in tests: a configuration of its own, nothing of the machine's. */
export function gitEnvironment(home: string): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
}

/** The user's environment on a machine without git. */
export function withoutGit(world: Pick<Fixture, "root" | "environment">): Record<string, string> {
  const empty = join(world.root, "no-programs");
  mkdirSync(empty, { recursive: true });
  return { ...world.environment, PATH: empty };
}

/** Whether the mirrors of a fixture's own provider find no git; all else of it does. */
export const mirrorOptions: { areWithoutGit: boolean } = { areWithoutGit: false };

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "clauderon-workspaces-")));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }));
  return path;
}

export interface Fixture {
  readonly root: string;
  readonly home: string;
  readonly repository: string;
  readonly environment: Record<string, string>;
  readonly provider: Workspaces;
  /** Runs git in the repository, or where told. */
  git(args: readonly string[], cwd?: string): string;
  write(files: Readonly<Record<string, string>>, directory?: string): void;
  providerWith(options: Partial<WorkspacesOptions>): Workspaces;
}

/** A home and a repository with one commit. */
export function fixture(options: { readonly directory?: string; readonly initArgs?: readonly string[] } = {}): Fixture {
  const root = temporaryDirectory();
  const repository = join(root, options.directory ?? "repository");
  const home = join(root, "home");
  mkdirSync(repository);
  mkdirSync(join(root, "user"));
  writeFileSync(
    join(root, "user", ".gitconfig"),
    '[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
  );
  const environment = gitEnvironment(join(root, "user"));
  const git = (args: readonly string[], cwd = repository): string =>
    execFileSync("git", [...args], {
      cwd,
      env: environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
    });
  const write = (files: Readonly<Record<string, string>>, directory = repository): void => {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
  };
  const providerWith = (given: Partial<WorkspacesOptions>): Workspaces =>
    createWorkspaces({
      homeDirectory: home,
      instanceId: INSTANCE,
      runner: helpedRunner,
      environment,
      ...given,
    });
  git(["init", "--quiet", ...(options.initArgs ?? [])]);
  write({ "a.txt": "one\n", "b.txt": "two\n", "deep/c.txt": "three\n", ".gitignore": "ignored*\n" });
  git(["add", "."]);
  git(["commit", "--quiet", "-m", "First"]);
  const own = providerWith({});
  const { mirrors } = mirrorOptions.areWithoutGit
    ? providerWith({ environment: withoutGit({ root, environment }) })
    : own;
  return { root, home, repository, environment, provider: { ...own, mirrors }, git, write, providerWith };
}

export interface Made {
  readonly request: WorkspaceRequest;
  readonly record: WorkspaceRecord;
  readonly info: RepositoryInfo;
}

export async function planned(
  fixture: Fixture,
  options: Partial<WorkspaceRequest> & { readonly from?: string; readonly provider?: WorkspaceProvider } = {},
): Promise<Made> {
  const { from = fixture.repository, provider = fixture.provider, ...request } = options;
  const name = request.name ?? "fix";
  const sessionId = request.sessionId ?? `session-${name}`;
  // As the engine does it.
  const forSession = request.base === undefined && request.branch === undefined ? sessionId : undefined;
  // What is begun and not wanted in the end would go on being written while the test's directory is removed.
  onTestFinished(async () => {
    try {
      await provider.release(sessionId);
    } catch {
      // A provider that fails on purpose.
    }
  });
  const info = await provider.resolve(from, { forSession });
  const whole: WorkspaceRequest = {
    sessionId,
    name,
    repository: info,
    branchPrefix: "clauderon/",
    withChanges: false,
    ...request,
  };
  return { info, request: whole, record: await provider.plan(whole) };
}

export async function made(fixture: Fixture, options: Parameters<typeof planned>[1] = {}): Promise<Made> {
  const plan = await planned(fixture, options);
  await (options.provider ?? fixture.provider).create(plan.request, plan.record);
  return plan;
}

/** Every file of a tree with its mode, times and content: equal when nothing was touched. */
export function snapshot(directory: string, isTimed = true): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: Buffer, name: string): void => {
    const status = lstatSync(path);
    const time = isTimed ? status.mtimeMs : 0;
    if (status.isDirectory()) {
      found[`${name}/`] = String(status.mode);
      const children = readdirSync(path, { encoding: "buffer" }).sort((one, other) => Buffer.compare(one, other));
      for (const child of children)
        visit(Buffer.concat([path, Buffer.from("/"), child]), `${name}/${child.toString("latin1")}`);
      return;
    }
    let content = "";
    if (status.isSymbolicLink()) content = readlinkSync(path);
    else if (status.isFile()) content = createHash("sha256").update(readFileSync(path)).digest("hex");
    found[name] = `${String(status.mode)} ${String(time)} ${content}`;
  };
  visit(Buffer.from(directory), "");
  return found;
}

/** What a workspace could have left behind: in the home, and of worktrees and branches in the repository. */
export function leftovers(world: Fixture, commonDirectory: string = join(world.repository, ".git")): readonly string[] {
  const names = (path: string): string[] => {
    try {
      return readdirSync(path).map((name) => join(path, name));
    } catch {
      return [];
    }
  };
  return [
    ...names(join(world.home, "worktrees")),
    ...names(join(world.home, "private")),
    ...names(join(world.home, "state", "workspaces", "scratch")),
    ...names(join(world.home, "state", "workspaces")).filter((path) => !path.endsWith("/scratch")),
    ...names(join(commonDirectory, "worktrees")),
    ...names(commonDirectory).filter((path) => path.includes("clauderon-removing")),
    ...world
      .git([`--git-dir=${commonDirectory}`, "for-each-ref", "--format=%(refname)", "refs/heads/clauderon"])
      .split("\n")
      .filter((line) => line !== ""),
  ];
}

/** A runner that tells what it is about to run. */
export function watchedRunner(onRun: (args: readonly string[]) => void): CommandRunner {
  return {
    run: (program, args, options) => {
      onRun(args);
      return helpedRunner.run(program, args, options);
    },
    stream: (program, args, options) => {
      onRun(args);
      return helpedRunner.stream(program, args, options);
    },
  };
}
