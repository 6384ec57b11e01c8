import { spawnSync } from "node:child_process";
import { chownSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Sandbox, WorkspaceMount } from "@clauderon/core/contract";
import { collectBytes, spawnProcess } from "@clauderon/core/host";
import { describe, expect, it, onTestFinished } from "vitest";

import { type Fixture, fixture, made, type Made } from "./git-fixture.ts";
import { canary } from "./private-fixture.ts";

const { DOCKER_HOST: host, CLAUDERON_TEST_IMAGE: image = "", CLAUDERON_REQUIRE: required = "" } = process.env;

/** Whom both the user of this machine and the agent in the container are; the daemon is root, and nobody else. */
const USER = 1000;

const missing = whyNotHere();
if (missing !== undefined) {
  process.stderr.write(`the test of private workspaces in Docker did not run: ${missing}\n`);
  if (required.split(/[\s,]+/u).includes("docker"))
    throw new Error(`${missing}, but CLAUDERON_REQUIRE contains docker`);
}

function whyNotHere(): string | undefined {
  if (host === undefined || image === "") return "DOCKER_HOST and CLAUDERON_TEST_IMAGE are not set";
  if (process.getuid?.() !== 0) return "it needs root, to be two users";
  const { status, stderr, error } = spawnSync("docker", ["image", "inspect", image], { encoding: "utf8" });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

interface Container extends Pick<Sandbox, "exec"> {
  /** Runs a shell script inside and gives its output; rejects with what it complained about. */
  readonly sh: (script: string) => Promise<string>;
}

function docker(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** As a container backend mounts it, for a user without any power. */
function container({ hostPath = "", gitFile }: WorkspaceMount): Container {
  if (gitFile === undefined) throw new Error("the workspace has no git directory of its own");
  const bind = (source: string, target: string, more = ""): readonly string[] => [
    "--mount",
    `type=bind,source=${source},target=${target}${more}`,
  ];
  const id = docker(
    "run",
    "--detach",
    "--network=none",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    `--user=${String(USER)}:${String(USER)}`,
    "--env=HOME=/tmp",
    "--workdir=/workspace",
    ...bind(hostPath, "/workspace"),
    ...bind(gitFile.hostPath, "/workspace/.git", ",readonly"),
    ...bind(gitFile.directory, gitFile.directory),
    ...(gitFile.borrows ?? []).flatMap((place) => bind(place, place, ",readonly")),
    image,
    "sleep",
    "infinity",
  );
  onTestFinished(() => void docker("rm", "--force", "--volumes", id));
  const exec: Container["exec"] = (argv, options = {}) => {
    const variables = Object.entries(options.environment ?? {}).map(([name, value]) => `--env=${name}=${value}`);
    const command = ["docker", "exec", "--interactive", ...variables, id, ...argv] as const;
    const environment = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", DOCKER_HOST: host ?? "" };
    return spawnProcess([...command], { cwd: "/", environment, stdin: options.stdin });
  };
  return {
    exec,
    sh: async (script) => {
      const handle = await exec(["sh", "-ec", script]);
      const [stdout, stderr, { exitCode }] = await Promise.all([
        collectBytes(handle.stdout),
        collectBytes(handle.stderr),
        handle.exit,
      ]);
      if (exitCode !== 0) throw new Error(`${script}: ${Buffer.from(stderr).toString()}`);
      return Buffer.from(stdout).toString();
    },
  };
}

interface World extends Made {
  readonly world: Fixture;
  readonly inside: Container;
  /** Git as the user runs it in the worktree. */
  readonly user: (...args: readonly string[]) => string;
}

async function session(): Promise<World> {
  const world = fixture();
  const whole = await made(world, { isPrivate: true });
  // The daemon of this test is root for Docker's sake; what is the user's has to be theirs.
  for (const place of [
    world.root,
    join(world.root, "user"),
    world.home,
    join(world.home, "worktrees"),
    join(world.home, "private"),
  ])
    chownSync(place, USER, USER);
  for (const place of [whole.record.path, whole.record.privateDirectory ?? "", join(world.root, "user")])
    giveAll(place);
  const user = (...args: readonly string[]): string => {
    giveAll(join(whole.record.privateDirectory ?? "", "outside"));
    const identity = [`--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups"];
    const options = { cwd: whole.record.path, env: world.environment, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync("setpriv", [...identity, "git", ...args], options);
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  return { ...whole, world, user, inside: container(await world.provider.mount(whole.record)) };
}

function giveAll(path: string): void {
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return;
  chownSync(path, USER, USER);
  if (status.isDirectory()) for (const name of readdirSync(path)) giveAll(join(path, name));
}

describe.skipIf(missing !== undefined)("a private workspace in a Docker container", () => {
  it("git just works inside for a user without any power, and outside everything is seen as it is", async () => {
    const { world, record, inside, user } = await session();
    expect(await inside.sh("id -u; git status --porcelain; git log --format=%s")).toBe("1000\nFirst\n");
    await inside.sh("echo work > work.txt; git add work.txt; git commit -q -m Work");
    await inside.sh("git switch -q -c other main; echo other > other.txt; git add .; git commit -q -m Other");
    await inside.sh("git rebase -q clauderon/fix; git switch -q clauderon/fix; git merge -q --ff-only other");
    await inside.sh('echo dirty >> a.txt; git stash -q; test -z "$(git status --porcelain)"; git stash pop -q');
    const linked =
      "git worktree add -q /tmp/linked -b linked; cd /tmp/linked; echo l > l; git add l; git commit -q -m Linked";
    await inside.sh(`${linked}; git status --porcelain; git worktree list | grep -q /tmp/linked`);
    await inside.sh(
      "git gc -q --prune=now; git fsck --full; echo staged > staged.txt; git add staged.txt; echo new > new.txt",
    );
    const { notices } = await world.provider.sync(record, inside);
    expect(notices).toEqual([]);
    expect(user("status", "--porcelain")).toBe(" M a.txt\nA  staged.txt\n?? new.txt\n");
    expect(user("log", "--format=%s", "clauderon/fix")).toBe("Other\nWork\nFirst\n");
    expect(user("log", "-1", "--format=%s", "linked")).toBe("Linked\n");
    expect(user("fsck", "--full")).toBe("");
    // And the user's own commit gets in.
    user("add", "new.txt");
    user("commit", "--quiet", "-m", "Mine");
    expect((await world.provider.sync(record, inside)).hostBranches).toEqual(["clauderon/fix"]);
    await inside.sh("git reset -q host/clauderon/fix");
    expect(await inside.sh("git log -1 --format=%s; git status --porcelain")).toBe("Mine\n M a.txt\n");
    expect((await world.provider.sync(record, inside)).notices).toEqual([]);
    expect(user("status", "--porcelain")).toBe(" M a.txt\n");
  }, 240_000);

  it("the file over .git can neither be changed nor taken away, and what the daemon has is not there", async () => {
    const { record, inside, user } = await session();
    const outside = `gitdir: ${join(record.privateDirectory ?? "", "outside")}\n`;
    expect(await inside.sh("cat .git")).toBe(`gitdir: ${join(record.privateDirectory ?? "", "inside")}\n`);
    for (const attempt of ["echo x > .git", "rm -f .git", "mv .git other", "mv /workspace /tmp/w", "umount .git"])
      await expect(inside.sh(`${attempt} 2>&1`)).rejects.toThrow(attempt);
    expect(await inside.sh(`ls -A '${record.privateDirectory ?? ""}'`)).toBe("inside\n");
    expect(readFileSync(join(record.path, ".git"), "utf8")).toBe(outside);
    expect(user("status", "--porcelain")).toBe("");
  }, 240_000);

  it("nothing that the agent leaves in its git directory or in the files is run by the user's git", async () => {
    const { world, record, inside, user } = await session();
    const { program, mark } = canary(join(world.root, "canary"));
    chownSync(join(world.root, "canary"), USER, USER);
    writeFileSync(join(world.root, "canary", "probe"), "");
    const settings = ["core.fsmonitor", "diff.external", "core.pager", "filter.evil.clean", "filter.evil.smudge"];
    const more = ["diff.evil.textconv", "diff.evil.command", "gpg.program", "core.sshCommand", "merge.evil.driver"];
    const configure = [...settings, ...more].map((name) => `git -C "$1" config ${name} '${program}'`).join("\n");
    const hooks = ["post-index-change", "reference-transaction", "pre-commit", "post-checkout", "fsmonitor-watchman"];
    const plant = hooks.map(
      (name) => `printf '#!/bin/sh\\n%s\\n' '${program}' > "$dir/hooks/${name}"; chmod +x "$dir/hooks/${name}"`,
    );
    const arm = `arm() {\n${configure}\ndir=$(git -C "$1" rev-parse --absolute-git-dir); mkdir -p "$dir/hooks"\n${plant.join("\n")}\n}`;
    await inside.sh(
      "printf '*.txt filter=evil diff=evil merge=evil\\n' > .gitattributes; git add .gitattributes; git commit -q -m Attributes",
    );
    await inside.sh(
      `${arm}\ngit init -q nested; cd nested; git -c user.name=A -c user.email=a@example.com commit -q --allow-empty -m Nested; cd ..; git add nested 2>/dev/null; git commit -q -m Gitlink; echo x > nested/file; arm nested; echo changed >> a.txt; arm .`,
    );
    await world.provider.sync(record, inside);
    for (const args of [["status"], ["diff"], ["diff", "HEAD"], ["log", "-p", "--all"], ["show"], ["add", "a.txt"]])
      user(...args);
    user("commit", "--quiet", "-m", "Mine");
    await world.provider.sync(record, inside);
    expect(existsSync(mark)).toBe(false);
    // The same in the hands of somebody who opens the sandbox's git directory: the trap does spring.
    const opened = ["--git-dir", join(record.privateDirectory ?? "", "inside"), "--work-tree", record.path];
    user(...opened, "-c", "core.hooksPath=/dev/null", "status");
    expect(existsSync(mark)).toBe(true);
  }, 240_000);
});
