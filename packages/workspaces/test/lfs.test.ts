import { createHash } from "node:crypto";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { type Fixture, fixture, made } from "./git-fixture.ts";
import { resultsOf } from "./result-world.ts";

/** A filter of the user's that stores pointers as LFS does: a checkout and plain git go through it, our looking does not. */
const CLEAN = `#!/bin/sh
f=$(mktemp); cat > "$f"
if [ "$(head -c 7 "$f")" = version ] || [ ! -s "$f" ]; then cat "$f"; else
  oid=$(sha256sum < "$f" | cut -d' ' -f1); cp "$f" "$STORE/$oid"
  printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' "$oid" "$(wc -c < "$f" | tr -d ' ')"
fi; rm "$f"`;
const SMUDGE = `#!/bin/sh
f=$(mktemp); cat > "$f"; oid=$(sed -n 's/^oid sha256://p' "$f")
if [ -n "$oid" ]; then cat "$STORE/$oid"; else cat "$f"; fi; rm "$f"`;

function withLfs(initArgs: readonly string[] = []): Fixture {
  const world = fixture({ initArgs });
  const tools = join(world.root, "tools");
  for (const [name, text] of Object.entries({ clean: CLEAN, smudge: SMUDGE })) {
    world.write({ [name]: text.replaceAll("$STORE", join(world.root, "store")) }, tools);
    world.git(["config", "--global", `filter.lfs.${name}`, `sh ${join(tools, name)}`]);
  }
  world.write({ keep: "" }, join(world.root, "store"));
  world.write({
    ".gitattributes": "*.bin filter=lfs -text\n",
    "one.bin": "one\n",
    "two.bin": "two\n",
    "empty.bin": "",
  });
  world.git(["add", "."]);
  world.git(["commit", "--quiet", "-m", "LFS"]);
  return world;
}

describe.each([[[]], [["--object-format=sha256"]]])("files that LFS keeps elsewhere, %j", (initArgs) => {
  it("are shown as git with LFS shows them", async () => {
    const world = withLfs(initArgs);
    const { record } = await made(world);
    const at = (name: string): string => join(record.path, name);
    // Git has to look into it.
    for (const name of ["one.bin", "empty.bin"]) utimesSync(at(name), 1, 1);
    expect(await world.provider.status(record)).toMatchObject({ staged: 0, unstaged: 0, untracked: 0 });
    expect(await world.provider.diff(record)).toBe("");
    writeFileSync(at("two.bin"), "changed\n");
    writeFileSync(at("new.bin"), "new\n");
    writeFileSync(at("pointer.bin"), world.git(["show", "HEAD:one.bin"]));
    expect(await world.provider.status(record)).toMatchObject({ unstaged: 1, untracked: 2 });
    const ours = await world.provider.diff(record);
    world.git(["add", "--all"], record.path);
    expect(ours).toBe(world.git(["diff", "--cached", "HEAD"], record.path));
    expect(ours).toContain(`+oid sha256:${createHash("sha256").update("changed\n").digest("hex")}`);
    utimesSync(at("two.bin"), 1, 1);
    expect(await world.provider.status(record)).toMatchObject({ staged: 3, unstaged: 0, untracked: 0 });
  });

  it("are no work that keeps a session from being deleted, and are applied whole", async () => {
    const world = withLfs(initArgs);
    const { record } = await made(world, { name: "idle" });
    utimesSync(join(record.path, "one.bin"), 1, 1);
    expect(await world.provider.remove(record, { sessionId: "session-idle" })).toEqual({});
    const { record: worked } = await made(world);
    writeFileSync(join(worked.path, "one.bin"), "session\n");
    const results = resultsOf(world, worked);
    await results.apply();
    expect(results.read("one.bin")).toBe("session\n");
    expect(results.status()).toBe(" M one.bin\n");
    await results.takeBack();
    expect([results.read("one.bin"), results.status()]).toEqual(["one\n", ""]);
  });
});
