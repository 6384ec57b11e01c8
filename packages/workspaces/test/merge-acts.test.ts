import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, type Fixture } from "./git-fixture.ts";
import { resultWorld } from "./result-world.ts";

/** A program that says that it ran. */
function canary(world: Fixture, name: string, body = ""): string {
  const path = join(world.root, `${name}.sh`);
  writeFileSync(path, `#!/bin/sh\ntouch '${join(world.root, `ran-${name}`)}'\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

const hasRun = (world: Fixture, name: string): boolean => existsSync(join(world.root, `ran-${name}`));

function configure(world: Fixture, settings: string): void {
  const file = join(world.root, "user", ".gitconfig");
  writeFileSync(file, `${readFileSync(file, "utf8")}${settings}`);
}

describe("merge acts for the user", () => {
  it("runs no program that the repository names: hooks, drivers, filters, signing, fsmonitor, aliases", async () => {
    const world = await resultWorld();
    const hooks = [
      "pre-merge-commit",
      "commit-msg",
      "post-merge",
      "reference-transaction",
      "post-checkout",
      "pre-commit",
    ];
    for (const hook of hooks) {
      writeFileSync(join(world.repository, ".git", "hooks", hook), readFileSync(canary(world, hook)));
      chmodSync(join(world.repository, ".git", "hooks", hook), 0o755);
    }
    const set = (key: string, name: string, body?: string): void =>
      void world.git(["config", key, canary(world, name, body)]);
    world.commit({ ".gitattributes": "*.txt merge=evil filter=evil diff=evil\n" });
    world.commit({ "a.txt": "1\n2\nsession\n", "new.txt": "new\n" });
    world.write({ "b.txt": "mine\n" });
    world.git(["commit", "--quiet", "--no-verify", "--all", "-m", "Mine"]);
    const names = ["driver", "clean", "smudge", "process", "gpg", "fsmonitor", "textconv", "external", "editor"];
    set("merge.evil.driver", "driver", "exit 0");
    set("filter.evil.clean", "clean", "cat");
    set("filter.evil.smudge", "smudge", "cat");
    set("gpg.program", "gpg", "exit 1");
    set("core.fsmonitor", "fsmonitor");
    set("diff.evil.textconv", "textconv", "cat $1");
    set("diff.external", "external");
    set("core.editor", "editor");
    const before = [...hooks, ...names].filter((name) => hasRun(world, name));
    expect((await world.merge({ how: "no-ff" })).files).toContain("new.txt");
    await world.takeBack();
    await world.apply();
    await world.takeBack();
    expect([...hooks, ...names].filter((name) => hasRun(world, name))).toEqual(before.filter(() => true));
    expect(before).not.toContain("driver");
    // The canaries can sing: plain git runs them.
    world.git(["merge", "--quiet", "--no-edit", "clauderon/fix"]);
    expect([...hooks, ...names].filter((name) => hasRun(world, name)).length).toBeGreaterThan(before.length + 3);
  });

  it("signs as the user signs, and changes nothing when that fails", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    const signer = canary(
      world,
      "signer",
      "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'; printf '\\n[GNUPG:] SIG_CREATED ' >&2",
    );
    configure(world, `[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = ${signer}\n[user]\n\tsigningKey = me\n`);
    await world.merge({ how: "no-ff" });
    expect(hasRun(world, "signer")).toBe(true);
    expect(world.git(["cat-file", "commit", "main"])).toContain("gpgsig -----BEGIN PGP SIGNATURE-----");
    await world.takeBack();
    writeFileSync(signer, "#!/bin/sh\nexit 1\n");
    const before = world.everything();
    await expect(world.merge({ how: "squash" })).rejects.toEqual(errorWith("merge.refused"));
    expect(world.everything()).toEqual(before);
    expect((await world.merge()).how).toBe("fast-forward");
  });

  it("commits as who the user is in this repository", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    const author = (): string => world.git(["log", "-1", "--format=%ae %ce"]).trim();
    writeFileSync(join(world.root, "work"), "[user]\n\temail = work@example.com\n");
    configure(world, `[includeIf "gitdir:${world.repository}/"]\n\tpath = ${join(world.root, "work")}\n`);
    await world.merge({ how: "no-ff" });
    expect(author()).toBe("work@example.com work@example.com");
    await world.takeBack();
    world.git(["config", "user.email", "here@example.com"]);
    await world.merge({ how: "squash" });
    expect(author()).toBe("here@example.com here@example.com");
  });

  it("says what to do when git does not know who that is", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    writeFileSync(join(world.root, "user", ".gitconfig"), "[user]\n\tuseConfigOnly = true\n");
    const before = world.everything();
    await expect(world.merge({ how: "no-ff" })).rejects.toMatchObject({
      code: "merge.refused",
      fix: [expect.stringContaining("user.email")],
    });
    expect(world.everything()).toEqual(before);
  });

  it("writes files through the user's filters, by the attributes that come along", async () => {
    const world = await resultWorld();
    mkdirSync(join(world.root, "bin"));
    configure(world, `[filter "up"]\n\tsmudge = tr a-z A-Z\n\tclean = tr A-Z a-z\n`);
    world.commit({ ".gitattributes": "*.up filter=up\n*.crlf text eol=crlf\n", "x.crlf": "one\r\n" });
    world.write({ "x.up": "lower\n" }, world.record.path);
    world.commit({});
    await world.merge();
    expect([world.read("x.up"), world.read("x.crlf"), world.status()]).toEqual(["LOWER\n", "one\r\n", ""]);
    await world.takeBack();
    expect(world.status()).toBe("");
  });
});
