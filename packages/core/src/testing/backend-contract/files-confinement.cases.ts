import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ClauderonError, type Sandbox } from "../../contract/index.ts";
import { peek, readAll, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases, ContractContext } from "../contract-context.ts";
import { bytesOf, tarArchive, textOf, type TarEntry } from "./tar-archive.ts";

/** A file with a secret on this machine outside the workspace, and what leads there. */
async function secretOutside({ outside, directory }: ContractContext) {
  const place = join(outside, directory);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "secret"), "host secret");
  return {
    place,
    file: join(place, "secret"),
    /** Nothing was changed, nothing added. */
    untouched: async (): Promise<void> => {
      assert.deepEqual(await readdir(place), ["secret"]);
      assert.equal(await readFile(join(place, "secret"), "utf8"), "host secret");
    },
  };
}

/**
 * The call must not get at what is outside: `path.refused`; where the sandbox has a file system of its own, the path may also be missing there
 * or be another file.
 */
async function refuses(context: ContractContext, call: Promise<unknown>): Promise<void> {
  if (context.backend.capabilities.isolation === "none") {
    await rejectsWith(call, "path.refused");
    return;
  }
  try {
    const value = await call;
    if (value instanceof Uint8Array) assert.notEqual(textOf(value), "host secret");
  } catch (error) {
    if (!ClauderonError.isInstance(error)) throw error;
    assert.ok(["path.refused", "file.not-found", "file.failed"].includes(error.code), error.code);
  }
}

/** Everything below a directory, as commands inside see it. */
function treeOf(sandbox: Sandbox, directory: string): Promise<string> {
  const text = [
    'cd "$1" || exit 1',
    'walk() { for path in "$1"/* "$1"/.[!.]*; do',
    'if [ -h "$path" ]; then printf "%s -> %s\\n" "$path" "$(readlink "$path")"',
    'elif [ -d "$path" ]; then printf "%s/ %s\\n" "$path" "$(stat -c %a "$path")"; walk "$path"',
    'elif [ -f "$path" ]; then printf "%s %s %s\\n" "$path" "$(stat -c %a "$path")" "$(sha256sum < "$path")"; fi; done; }',
    "walk .",
  ].join("\n");
  return script(sandbox, text, directory);
}

/** Unpacks an archive that must be refused at its second entry; the first one stays. */
async function refusesEntry(context: ContractContext, entry: TarEntry): Promise<void> {
  const sandbox = await context.shared();
  const secret = await secretOutside(context);
  const place = `${context.directory}/in/side`;
  await sandbox.files.makeDirectory(place);
  const archive = tarArchive([{ name: "first", kind: "file", content: "kept" }, entry]);
  await rejectsWith(sandbox.files.extract(place, archive), "path.refused");
  assert.equal(await peek(sandbox, `${place}/first`), "kept");
  assert.equal(await script(sandbox, 'ls -A "$1"', `${context.directory}/in`), "side\n");
  await secret.untouched();
}

export const filesConfinementCases: ContractCases = {
  "files:escape:dot-dot": async (context) => {
    const sandbox = await context.shared();
    const secret = await secretOutside(context);
    const upwards = `${"../".repeat(40)}${secret.place.slice(1)}`;
    const { files } = sandbox;
    await refuses(context, files.read(`${upwards}/secret`));
    await refuses(context, files.write(`${upwards}/written`, bytesOf("x")));
    await refuses(context, files.list(upwards));
    await refuses(context, files.stat(`${upwards}/secret`));
    await refuses(context, files.remove(`${upwards}/secret`));
    await refuses(context, files.makeDirectory(`${upwards}/made`));
    await refuses(context, files.read(`${context.directory}/../../${"../".repeat(40)}${secret.file.slice(1)}`));
    await secret.untouched();
  },

  "files:escape:absolute": async (context) => {
    const sandbox = await context.shared();
    const secret = await secretOutside(context);
    const { files } = sandbox;
    await refuses(context, files.read(secret.file));
    await refuses(context, files.write(join(secret.place, "written"), bytesOf("x")));
    await refuses(context, files.remove(secret.file));
    await refuses(context, files.list(secret.place));
    await secret.untouched();
  },

  "files:escape:symlink": async (context) => {
    const { directory } = context;
    const sandbox = await context.shared();
    const secret = await secretOutside(context);
    await script(sandbox, 'cd "$1" && ln -s "$2" place && ln -s "$2/secret" file', directory, secret.place);
    const { files } = sandbox;
    await refuses(context, files.read(`${directory}/file`));
    await refuses(context, files.read(`${directory}/place/secret`));
    await refuses(context, files.write(`${directory}/place/written`, bytesOf("x")));
    await refuses(context, files.list(`${directory}/place/`));
    await refuses(context, files.remove(`${directory}/place/secret`));
    await refuses(context, files.makeDirectory(`${directory}/place/made`));
    await refuses(
      context,
      files.extract(`${directory}/place`, tarArchive([{ name: "unpacked", kind: "file", content: "x" }])),
    );
    await secret.untouched();
  },

  "files:escape:race": async (context) => {
    const { directory } = context;
    const sandbox = await context.shared();
    const secret = await secretOutside(context);
    const text =
      'cd "$1" && while [ -e go ]; do mkdir flip && : > flip/secret; rm -rf flip; ln -s "$2" flip; rm flip; done';
    await script(sandbox, ': > "$1/go"', directory);
    const flipping = run(sandbox, ["sh", "-c", text, "sh", directory, secret.place]);
    try {
      for (let round = 0; round < 60; round += 1) {
        const [read] = await Promise.allSettled([
          sandbox.files.read(`${directory}/flip/secret`),
          sandbox.files.write(`${directory}/flip/written`, bytesOf("x")),
          sandbox.files.remove(`${directory}/flip/secret`),
        ]);
        if (read.status === "fulfilled") assert.notEqual(textOf(read.value), "host secret");
      }
      await secret.untouched();
    } finally {
      await script(sandbox, 'rm -f "$1/go"', directory);
      await flipping;
    }
  },

  "files:tar:round-trip": async ({ shared, directory }) => {
    const sandbox = await shared();
    const text = [
      'mkdir -p "$1/from/sub dir/empty" "$1/to" && cd "$1/from" && printf content > plain && chmod 640 plain',
      'printf "#!/bin/sh\\n" > "sub dir/program" && chmod 755 "sub dir/program" && : > "sub dir/zero" && chmod 600 "sub dir/zero"',
      'ln -s plain link && ln -s ../plain "sub dir/up" && head -c 70000 /dev/urandom > .random && printf x > "ünï→😀"',
      'chmod 750 "sub dir/empty"',
    ].join(" && ");
    await script(sandbox, text, directory);
    const before = await treeOf(sandbox, `${directory}/from`);
    assert.ok(before.split("\n").length > 9, before);
    await sandbox.files.extract(`${directory}/to`, await sandbox.files.archive(`${directory}/from`));
    assert.equal(await treeOf(sandbox, `${directory}/to`), before);
  },

  "files:tar:format": async ({ shared, directory }) => {
    const { files } = await shared();
    await files.write(`${directory}/tree/file`, bytesOf("x"));
    const bytes = await readAll(await files.archive(`${directory}/tree`));
    assert.equal(bytes.subarray(257, 262).toString(), "ustar");
    assert.equal(bytes.length % 512, 0);
  },

  "files:tar:into": async ({ shared, directory }) => {
    const sandbox = await shared();
    const archive = tarArchive([
      { name: "sub/", kind: "directory", mode: 0o755 },
      { name: "sub/program", kind: "file", content: "#!/bin/sh\n", mode: 0o755 },
      { name: "link", kind: "symlink", target: "sub/program" },
    ]);
    await sandbox.files.extract(directory, archive);
    assert.equal(await peek(sandbox, `${directory}/link`), "#!/bin/sh\n");
    assert.equal((await sandbox.files.stat(`${directory}/sub/program`)).mode, 0o755);
  },

  "files:tar:symlink-not-followed": async (context) => {
    const sandbox = await context.shared();
    const secret = await secretOutside(context);
    await script(sandbox, 'mkdir "$1/tree" && ln -s "$2" "$1/tree/out"', context.directory, secret.place);
    const archive = await readAll(await sandbox.files.archive(`${context.directory}/tree`));
    assert.equal(archive.includes("host secret"), false);
  },

  "files:tar:missing": async ({ shared, directory }) => {
    const { files } = await shared();
    await rejectsWith(
      files.archive(`${directory}/missing`).then((stream) => readAll(stream)),
      "file.not-found",
    );
  },

  "files:tar:escape:dot-dot": (context) => refusesEntry(context, { name: "../escaped", kind: "file", content: "x" }),

  "files:tar:escape:absolute": async (context) =>
    refusesEntry(context, { name: join(context.outside, context.directory, "x"), kind: "file", content: "x" }),

  "files:tar:escape:symlink": async (context) =>
    refusesEntry(context, { name: "link", kind: "symlink", target: "../../../../../../../../../../etc" }),

  "files:tar:escape:hardlink": async (context) =>
    refusesEntry(context, { name: "link", kind: "hardlink", target: "../../../../../../../../../../etc/passwd" }),
};
