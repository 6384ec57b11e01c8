import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { peek, readAll, rejection, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { bytesOf, streamOf, textOf } from "./tar-archive.ts";

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
      const chunk = new Uint8Array(block.subarray(0, Math.min(block.length, sizeBytes - sent)));
      chunk[0] = sent / block.length;
      sent += chunk.length;
      hash.update(chunk);
      controller.enqueue(chunk);
    },
  });
  return { stream, sha256: () => hash.digest("hex") };
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
    const names = ["two words", "-leading", "a\nb", "ünï→😀", "it's", "$HOME", "*", "back\\slash", "..."];
    for (const name of names) await sandbox.files.write(`${directory}/${name}`, bytesOf(`${name}\0`));
    const { stdout } = await run(sandbox, ["cat", ...names.map((name) => `${directory}/${name}`)]);
    assert.deepEqual(stdout.toString("utf8").split("\0").slice(0, -1), names);
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
    const modes = [0o600, 0o755, 0o640, 0o444];
    const names = modes.map((mode) => mode.toString(8));
    for (const mode of modes) {
      for (const name of ["replaced", mode.toString(8)]) {
        await sandbox.files.write(`${directory}/${name}`, bytesOf("x"), { mode });
        assert.equal((await sandbox.files.stat(`${directory}/${name}`)).mode, mode);
      }
    }
    const paths = [...names, "replaced"].map((name) => `${directory}/${name}`);
    const { stdout } = await run(sandbox, ["stat", "-c", "%a", ...paths]);
    assert.equal(stdout.toString(), [...names, "444", ""].join("\n"));
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
