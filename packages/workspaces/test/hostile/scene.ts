import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { gitEnvironment } from "../git-fixture.ts";

/** What no output of ours may show, and no file outside may hold. */
export const SECRET = "CANARY-OF-ANOTHER-PLACE";

export interface Fired {
  /** Trusted no more than the rest: it is only looked through for `SECRET`. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly input?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** A hostile repository in the making, and the canary that shows whether anything of it ran. */
export interface Scene {
  readonly root: string;
  readonly repository: string;
  /** The user's other files: nothing of ours may read, change or delete anything here. */
  readonly outside: string;
  /** A bare repository that the repository was cloned from. */
  readonly origin: string;
  /** The linked worktree of a session; made by plain git where the vector is fired, by us where it is withstood. */
  workspace: string;
  /** The git directory that the agent writes, where it has one of its own. */
  readonly agentDirectory?: string | undefined;
  readonly environment: Record<string, string>;
  /** A program that leaves a trace when it runs. */
  readonly trap: string;
  /** Plain git as a user runs it; what it answers is not asked. */
  plain(args: readonly string[], options?: RunOptions): Fired;
  /** Any program, as the above. */
  program(file: string, args: readonly string[], options?: RunOptions): Fired;
  /** Git that must succeed, for arming. */
  git(args: readonly string[], cwd?: string): string;
  write(path: string, text: string, mode?: number): void;
  /** Adds text to a configuration file; default: the repository's. */
  configure(text: string, file?: string): void;
  /** Default: the repository's hooks. */
  hook(name: string, directory?: string): void;
  hasRun(): boolean;
  /** What has run until now does not count. */
  forget(): void;
}

/** A repository with two commits, a branch to merge and a remote; copied for every vector. */
export function makeTemplate(root: string): void {
  const repository = join(root, "repository");
  const environment = gitEnvironment(join(root, "user"));
  const git = (args: readonly string[], cwd = repository): string =>
    execFileSync("git", [...args], { cwd, env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(repository, name)), { recursive: true });
    writeFileSync(join(repository, name), text);
  };
  mkdirSync(join(root, "user"), { recursive: true });
  mkdirSync(join(root, "traces"));
  mkdirSync(join(root, "outside"));
  writeFileSync(join(root, "outside", "secret.txt"), `${SECRET}\n`);
  writeFileSync(
    join(root, "user", ".gitconfig"),
    '[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n',
  );
  mkdirSync(repository);
  git(["init", "--quiet", "--template="]);
  write("a.txt", "one\n");
  write("b.txt", "two\n");
  write("deep/c.txt", "three\n");
  write("data.evil", "evil\n");
  write(".gitignore", "ignored*\n");
  write(".gitattributes", "*.evil filter=evil diff=evil merge=evil\n*.lfs filter=lfs diff=lfs merge=lfs -text\n");
  write("large.lfs", "large\n");
  git(["add", "."]);
  git(["commit", "--quiet", "-m", "First"]);
  git(["checkout", "--quiet", "-b", "side"]);
  write("data.evil", "side\n");
  write("a.txt", "side\n");
  git(["commit", "--quiet", "-a", "-m", "Side"]);
  git(["checkout", "--quiet", "main"]);
  write("data.evil", "main\n");
  write("b.txt", "main\n");
  git(["commit", "--quiet", "-a", "-m", "Second"]);
  git(["clone", "--quiet", "--bare", "--template=", repository, join(root, "origin.git")], root);
  const program = join(root, "trap");
  writeFileSync(program, '#!/bin/sh\n: > "${0%/*}/traces/fired"\n');
  chmodSync(program, 0o755);
}

export function makeScene(template: string, root: string): Scene {
  cpSync(template, root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  const repository = join(root, "repository");
  const environment = gitEnvironment(join(root, "user"));
  const trap = join(root, "trap");
  const program: Scene["program"] = (file, args, { cwd = repository, input = "", environment: added } = {}) => {
    const result = spawnSync(file, [...args], {
      cwd,
      env: { ...environment, ...added },
      input,
      encoding: "utf8",
      timeout: 10_000,
    });
    return { output: `${result.stdout}${result.stderr}` };
  };
  const write: Scene["write"] = (path, text, mode) => {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    writeFileSync(path, text, mode === undefined ? {} : { mode });
  };
  return {
    root,
    repository,
    outside: join(root, "outside"),
    origin: join(root, "origin.git"),
    workspace: join(root, "workspace"),
    environment,
    trap,
    program,
    plain: (args, options) => program("git", args, options),
    git: (args, cwd = repository) =>
      execFileSync("git", [...args], { cwd, env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }),
    write,
    configure: (text, file = join(repository, ".git", "config")) => {
      const before = existsSync(file) ? readFileSync(file, "utf8") : "";
      writeFileSync(file, `${before}${text}\n`);
    },
    hook: (name, directory = join(repository, ".git", "hooks")) =>
      write(join(directory, name), `#!/bin/sh\nexec '${trap}' "$@"\n`, 0o755),
    hasRun: () => existsSync(join(root, "traces", "fired")),
    forget: () => rmSync(join(root, "traces", "fired"), { force: true }),
  };
}
