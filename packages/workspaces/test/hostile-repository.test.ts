import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { type Fixture, fixture, made } from "./git-fixture.ts";

/** A program that leaves a trace and does nothing else. */
function trap(world: Fixture, name: string): string {
  const traces = join(world.root, "traces");
  mkdirSync(traces, { recursive: true });
  const program = join(world.root, `trap-${name}`);
  writeFileSync(program, `#!/bin/sh\ntouch '${join(traces, name)}'\ncat\n`);
  chmodSync(program, 0o755);
  return program;
}

function traces(world: Fixture): readonly string[] {
  return readdirSync(join(world.root, "traces"));
}

function poison(world: Fixture, gitDirectory: string, place: string): void {
  const set = (key: string, value: string): string => world.git([`--git-dir=${gitDirectory}`, "config", key, value]);
  mkdirSync(join(world.root, `hooks-${place}`));
  for (const hook of [
    "post-checkout",
    "reference-transaction",
    "post-index-change",
    "pre-commit",
    "post-rewrite",
    "fsmonitor-watchman",
  ]) {
    const program = trap(world, `${place}-hook-${hook}`);
    for (const directory of [join(gitDirectory, "hooks"), join(world.root, `hooks-${place}`)]) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, hook), `#!/bin/sh\nexec '${program}'\n`);
      chmodSync(join(directory, hook), 0o755);
    }
  }
  set("core.hooksPath", join(world.root, `hooks-${place}`));
  set("core.fsmonitor", trap(world, `${place}-fsmonitor`));
  set("core.sshCommand", trap(world, `${place}-ssh`));
  set("core.pager", trap(world, `${place}-pager`));
  set("core.editor", trap(world, `${place}-editor`));
  set("core.gitProxy", trap(world, `${place}-proxy`));
  set("core.alternateRefsCommand", trap(world, `${place}-alternates`));
  set("credential.helper", trap(world, `${place}-credential`));
  set("gpg.program", trap(world, `${place}-gpg`));
  set("diff.external", trap(world, `${place}-diff-external`));
  set("diff.evil.textconv", trap(world, `${place}-textconv`));
  set("diff.evil.command", trap(world, `${place}-diff-command`));
  set("merge.evil.driver", trap(world, `${place}-merge`));
  for (const kind of ["clean", "smudge", "process"])
    set(`filter.evil-${kind}.${kind}`, trap(world, `${place}-filter-${kind}`));
  set("remote.origin.url", `ext::${trap(world, `${place}-remote`)}`);
  set("remote.origin.promisor", "true");
  set("remote.origin.uploadpack", trap(world, `${place}-upload-pack`));
  writeFileSync(join(world.root, `included-${place}`), `[core]\n\tfsmonitor = ${trap(world, `${place}-included`)}\n`);
  set("include.path", join(world.root, `included-${place}`));
}

it("nothing of a hostile repository runs during resolve, create, status, diff, list and remove", async () => {
  const world = fixture();
  world.git(["init", "--quiet", "inner"]);
  world.git(["commit", "--quiet", "--allow-empty", "-m", "Inner"], join(world.repository, "inner"));
  world.git(["-c", "advice.addEmbeddedRepo=false", "add", "inner"]);
  world.write({
    ".gitattributes":
      "*.clean filter=evil-clean diff=evil\n*.smudge filter=evil-smudge\n*.process filter=evil-process\n*.txt diff=evil merge=evil\n",
    "x.clean": "x",
    "x.smudge": "x",
    "x.process": "x",
    ".gitmodules":
      '[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n\tupdate = !touch /nonexistent\n\tignore = none\n',
  });
  world.git(["add", "."]);
  world.git(["commit", "--quiet", "-m", "Poisoned"]);
  poison(world, join(world.repository, ".git"), "outer");
  poison(world, join(world.repository, "inner", ".git"), "inner");
  world.write({ "x.clean": "changed", "a.txt": "changed", "inner/new": "" });

  const { record } = await made(world, { withChanges: true });
  world.write(
    { "x.clean": "again", "x.process": "again", "x.smudge": "again", "b.txt": "again", "new.txt": "" },
    record.path,
  );
  world.git(["init", "--quiet", "nested"], record.path);
  poison(world, join(record.path, "nested", ".git"), "nested");
  mkdirSync(join(record.path, "bare"));
  world.git(["init", "--quiet", "--bare", "bare"], record.path);
  poison(world, join(record.path, "bare"), "bare");
  const before = traces(world);
  for (const format of ["patch", "stat", "names"] as const)
    expect(await world.provider.diff(record, { format })).toContain("b.txt");
  expect(await world.provider.status(record)).toMatchObject({ exists: true });
  await world.provider.resolve(record.path);
  await Array.fromAsync(world.provider.list());
  await expect(world.provider.remove(record, { sessionId: "session-fix" })).rejects.toMatchObject({
    code: "workspace.exists",
  });
  await world.provider.remove(record, { sessionId: "session-fix", force: true });
  expect(existsSync(record.path)).toBe(false);
  // Git as the test itself runs it would have set the traps off: only what `poison` and `init` did is allowed to show.
  expect(traces(world)).toEqual(before);
  expect(before).toEqual([]);
});

it("the traps are real: git as the user runs it sets them off", () => {
  const world = fixture();
  trap(world, "none");
  poison(world, join(world.repository, ".git"), "outer");
  world.write({ "a.txt": "changed" });
  world.git(["status"]);
  expect(traces(world)).toContain("outer-included");
});

it("a worktree whose .git file an agent points elsewhere is not believed", async () => {
  const world = fixture();
  const { record } = await made(world);
  world.git(["init", "--quiet", join(world.root, "evil")]);
  poison(world, join(world.root, "evil", ".git"), "evil");
  writeFileSync(join(record.path, ".git"), `gitdir: ${join(world.root, "evil", ".git")}\n`);
  world.write({ "b.txt": "again" }, record.path);
  expect(await world.provider.status(record)).toMatchObject({ unstaged: 1 });
  expect(await world.provider.diff(record)).toContain("again");
  await world.provider.remove(record, { sessionId: "session-fix", force: true });
  expect(traces(world)).toEqual([]);
});
