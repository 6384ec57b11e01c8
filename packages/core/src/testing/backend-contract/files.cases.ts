import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ClauderonError, type Sandbox } from "../../contract/index.ts";
import { peek, readAll, rejection, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases, ContractContext } from "../contract-context.ts";
import { streamOf, tarArchive, type TarEntry } from "./tar-archive.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const HUNDRED_MEBIBYTES = 100 * 1024 * 1024;

/** A stream of so many bytes and the checksum of what was taken from it. */
function bigStream(sizeBytes: number): { readonly stream: ReadableStream<Uint8Array>; readonly sha256: () => string } {
  const hash = createHash("sha256");
  const block = randomBytes(262_144);
  let sent = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (sent >= sizeBytes) {
        controller.close();
        return;
      }
      const chunk = Uint8Array.from(block.subarray(0, Math.min(block.length, sizeBytes - sent)));
      chunk[0] = sent / block.length;
      sent += chunk.length;
      hash.update(chunk);
      controller.enqueue(chunk);
    },
  });
  return { stream, sha256: () => hash.digest("hex") };
}

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

export const filesCases: ContractCases = {
  "files:bytes:all": async ({ shared, directory }) => {
    const { files } = await shared();
    const bytes = Uint8Array.from({ length: 4096 }, (_, index) => index % 256);
    await files.write(`${directory}/all`, bytes);
    assert.deepEqual([...(await files.read(`${directory}/all`))], [...bytes]);
  },

  "files:bytes:empty": async ({ shared, directory }) => {
    const { files } = await shared();
    await files.write(`${directory}/empty`, new Uint8Array());
    assert.equal((await files.read(`${directory}/empty`)).length, 0);
    assert.equal((await files.stat(`${directory}/empty`)).sizeBytes, 0);
  },

  "files:agree:inward": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${directory}/file`, bytesOf("by files"));
    assert.equal(await peek(sandbox, `${directory}/file`), "by files");
  },

  "files:agree:outward": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'printf %s "by exec" > "$1/file"', directory);
    assert.equal(textOf(await sandbox.files.read(`${directory}/file`)), "by exec");
  },

  "files:path:absolute": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${sandbox.workspacePath}/${directory}/file`, bytesOf("absolute"));
    assert.equal(textOf(await sandbox.files.read(`${directory}/file`)), "absolute");
  },

  "files:path:names": async ({ shared, directory }) => {
    const sandbox = await shared();
    for (const name of ["two words", "-leading", "a\nb", "ünï→😀", "it's", "$HOME", "*", "back\\slash", "..."]) {
      await sandbox.files.write(`${directory}/${name}`, bytesOf(name));
      assert.equal(await peek(sandbox, `${directory}/${name}`), name);
    }
  },

  "files:path:inner-dots": async ({ shared, directory }) => {
    const { files } = await shared();
    await files.write(`${directory}/a/b`, bytesOf("here"));
    assert.equal(textOf(await files.read(`${directory}/a/../a/./b`)), "here");
  },

  "files:mode:default": async ({ shared, directory }) => {
    const { files } = await shared();
    await files.write(`${directory}/plain`, bytesOf("x"));
    assert.equal((await files.stat(`${directory}/plain`)).mode, 0o644);
  },

  "files:mode:asked": async ({ shared, directory }) => {
    const sandbox = await shared();
    for (const mode of [0o600, 0o755, 0o640, 0o444]) {
      await sandbox.files.write(`${directory}/file`, bytesOf("x"), { mode });
      assert.equal((await sandbox.files.stat(`${directory}/file`)).mode, mode);
      assert.equal(await script(sandbox, 'stat -c %a "$1/file"', directory), `${mode.toString(8)}\n`);
    }
  },

  "files:mode:executable": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${directory}/program`, bytesOf("#!/bin/sh\nprintf ran\n"), { mode: 0o755 });
    const { stdout } = await run(sandbox, [`${sandbox.workspacePath}/${directory}/program`]);
    assert.equal(stdout.toString(), "ran");
  },

  "files:write:directories": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${directory}/a/b/c/file`, bytesOf("deep"));
    assert.equal(await peek(sandbox, `${directory}/a/b/c/file`), "deep");
  },

  "files:write:replaces": async ({ shared, directory }) => {
    const { files } = await shared();
    await files.write(`${directory}/file`, bytesOf("a long first content"));
    await files.write(`${directory}/file`, bytesOf("short"));
    assert.equal(textOf(await files.read(`${directory}/file`)), "short");
  },

  "files:write:stream": async ({ shared, directory }) => {
    const { files } = await shared();
    const bytes = randomBytes(300_000);
    await files.write(`${directory}/file`, streamOf(bytes));
    assert.equal(Buffer.compare(await files.read(`${directory}/file`), bytes), 0);
  },

  "files:write:symlink": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'cd "$1" && printf old > target && ln -s target link', directory);
    await sandbox.files.write(`${directory}/link`, bytesOf("new"));
    assert.equal(await peek(sandbox, `${directory}/target`), "old");
    assert.equal(await peek(sandbox, `${directory}/link`), "new");
    assert.equal((await sandbox.files.stat(`${directory}/link`)).kind, "file");
  },

  "files:write:whole-or-nothing": async ({ shared, directory }) => {
    const sandbox = await shared();
    const { files } = sandbox;
    await files.write(`${directory}/file`, bytesOf("old"));
    let pulls = 0;
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulls += 1;
        if (pulls > 3) controller.error(new Error("the source broke"));
        else controller.enqueue(new Uint8Array(100_000));
      },
    });
    await rejection(files.write(`${directory}/file`, broken));
    assert.equal(textOf(await files.read(`${directory}/file`)), "old");
    assert.equal(await script(sandbox, 'ls -A "$1"', directory), "file\n");
  },

  "files:write:readers-see-whole": async ({ shared, directory }) => {
    const { files } = await shared();
    const versions = [new Uint8Array(400_000).fill(97), new Uint8Array(400_000).fill(98)];
    await files.write(`${directory}/file`, versions[0]!);
    const progress = { isWriting: true };
    const writing = (async () => {
      for (let round = 0; round < 12; round += 1) await files.write(`${directory}/file`, versions[round % 2]!);
      progress.isWriting = false;
    })();
    try {
      while (progress.isWriting) {
        const seen = await files.read(`${directory}/file`);
        assert.equal(seen.length, 400_000);
        assert.ok(
          seen.every((byte) => byte === seen[0]),
          "a reader saw a mixture",
        );
      }
    } finally {
      await writing;
    }
  },

  "files:read:missing": async ({ shared, directory }) => {
    const { files } = await shared();
    await rejectsWith(files.read(`${directory}/missing`), "file.not-found");
    await rejectsWith(
      files.readStream(`${directory}/missing`).then((stream) => readAll(stream)),
      "file.not-found",
    );
  },

  "files:read:directory": async ({ shared, directory }) => {
    const { files } = await shared();
    await rejectsWith(files.read(directory), "file.failed");
  },

  "files:read:symlink-inside": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'cd "$1" && printf content > target && ln -s target link', directory);
    assert.equal(textOf(await sandbox.files.read(`${directory}/link`)), "content");
  },

  "files:read-stream:cancel": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'head -c 8388608 /dev/zero > "$1/big"', directory);
    const stream = await sandbox.files.readStream(`${directory}/big`);
    const reader = stream.getReader();
    const { value } = await reader.read();
    assert.ok((value?.length ?? 0) > 0);
    await reader.cancel();
  },

  "files:stat:file": async ({ shared, directory, milliseconds }) => {
    const { files } = await shared();
    await files.write(`${directory}/file`, bytesOf("12345"));
    const status = await files.stat(`${directory}/file`);
    assert.equal(status.kind, "file");
    assert.equal(status.sizeBytes, 5);
    const ageMs = Math.abs(Date.now() - status.modifiedAt.getTime());
    assert.ok(ageMs < milliseconds(60_000), `modified ${String(ageMs)} ms from now`);
  },

  "files:stat:directory": async ({ shared, directory }) => {
    const { files } = await shared();
    assert.equal((await files.stat(directory)).kind, "directory");
  },

  "files:stat:symlink": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'ln -s "no where" "$1/link"', directory);
    const status = await sandbox.files.stat(`${directory}/link`);
    assert.equal(status.kind, "symlink");
    assert.equal(status.target, "no where");
  },

  "files:stat:missing": async ({ shared, directory }) => {
    await rejectsWith((await shared()).files.stat(`${directory}/missing`), "file.not-found");
  },

  "files:list:sorted": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'cd "$1" && : > b && : > a && mkdir c && : > .hidden && ln -s a link && : > B', directory);
    const entries = await sandbox.files.list(directory);
    const names = entries.map(({ name }) => name);
    assert.deepEqual(names, [".hidden", "B", "a", "b", "c", "link"].toSorted());
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ["file", "file", "file", "file", "directory", "symlink"],
    );
  },

  "files:list:empty": async ({ shared, directory }) => {
    const { files } = await shared();
    assert.deepEqual(await files.list(directory), []);
  },

  "files:list:missing": async ({ shared, directory }) => {
    await rejectsWith((await shared()).files.list(`${directory}/missing`), "file.not-found");
  },

  "files:directory:twice": async ({ shared, directory }) => {
    const { files } = await shared();
    await files.makeDirectory(`${directory}/a/b`);
    await files.makeDirectory(`${directory}/a/b`);
    assert.equal((await files.stat(`${directory}/a/b`)).kind, "directory");
  },

  "files:remove:twice": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${directory}/file`, bytesOf("x"));
    await sandbox.files.remove(`${directory}/file`);
    await sandbox.files.remove(`${directory}/file`);
    assert.equal(await script(sandbox, 'ls -A "$1"', directory), "");
  },

  "files:remove:directory": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${directory}/a/b/file`, bytesOf("x"));
    await sandbox.files.remove(`${directory}/a`);
    assert.equal(await script(sandbox, 'ls -A "$1"', directory), "");
  },

  "files:remove:symlink": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'cd "$1" && mkdir kept && : > kept/file && ln -s kept link', directory);
    await sandbox.files.remove(`${directory}/link`);
    assert.equal(await script(sandbox, 'cd "$1" && ls -A . kept', directory), ".:\nkept\n\nkept:\nfile\n");
  },

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

  "files:stream:100-mebibytes": async ({ shared, directory }) => {
    const sandbox = await shared();
    const source = bigStream(HUNDRED_MEBIBYTES);
    await sandbox.files.write(`${directory}/big`, source.stream);
    const sha256 = source.sha256();
    assert.equal(await script(sandbox, 'sha256sum < "$1/big" | cut -c 1-64', directory), `${sha256}\n`);
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const chunk of await sandbox.files.readStream(`${directory}/big`)) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    assert.equal(sizeBytes, HUNDRED_MEBIBYTES);
    assert.equal(hash.digest("hex"), sha256);
    await sandbox.files.remove(`${directory}/big`);
  },

  "files:stopped": async ({ sandbox }) => {
    const made = await sandbox();
    await made.files.write("file", bytesOf("kept"));
    await made.stop({ graceMs: 500 });
    try {
      assert.equal(textOf(await made.files.read("file")), "kept");
    } catch (error) {
      await rejectsWith(Promise.reject(error), "sandbox.not-running");
    }
  },
};
