import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import type { SandboxFiles } from "../contract/sandbox-files.ts";
import { collectBytes } from "./collect-bytes.ts";
import { createDirectoryFiles } from "./create-directory-files.ts";

const SECRET = "outside";

/** Puts a directory and a symlink to the outside in turn under the name `d`, as fast as it can. */
const swapScript = `
const { renameSync, rmSync } = require("node:fs");
process.chdir(process.argv[1]);
const move = (from, to) => {
  for (;;) {
    try {
      return renameSync(from, to);
    } catch {
      // A write has made the directory anew in between.
      try {
        rmSync(to, { recursive: true, force: true, maxRetries: 10 });
      } catch {
        // Another write has filled it meanwhile: the next turn removes it.
      }
    }
  }
};
for (;;) {
  move("real", "d");
  move("d", "real");
  move("bait", "d");
  move("d", "bait");
}`;

let place: string;
let root: string;
let files: SandboxFiles;

beforeEach(async () => {
  place = await realpath(await mkdtemp(join(tmpdir(), "directory-files-")));
  root = join(place, "root");
  await mkdir(join(root, "workspace"), { recursive: true });
  await writeFile(join(place, "secret"), SECRET);
  files = createDirectoryFiles({ root, workspacePath: join(root, "workspace") });
});

afterEach(() => rm(place, { recursive: true, force: true, maxRetries: 10 }));

const text = async (path: string): Promise<string> => Buffer.from(await files.read(path)).toString();
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    if (ClauderonError.isInstance(error)) return error.code;
    throw error;
  }
}

describe("paths", () => {
  test("are relative to the workspace, or absolute inside the root", async () => {
    await files.write("a.txt", bytes("a"));
    await files.write(join(root, "b.txt"), bytes("b"));
    expect([await text("a.txt"), await text("../b.txt")]).toEqual(["a", "b"]);
    expect(await readdir(root)).toEqual(["b.txt", "workspace"]);
  });

  test.each(["../../secret", "/etc/passwd", "a\0b", "x/../../../secret"])(
    "%j is refused by every method",
    async (path) => {
      const archive = (): ReadableStream<Uint8Array> => ReadableStream.from([new Uint8Array(1024)]);
      const codes = await Promise.all([
        codeOf(files.read(path)),
        codeOf(files.readStream(path)),
        codeOf(files.write(path, bytes("x"))),
        codeOf(files.stat(path)),
        codeOf(files.list(path)),
        codeOf(files.makeDirectory(path)),
        codeOf(files.remove(path)),
        codeOf(files.archive(path)),
        codeOf(files.extract(path, archive())),
      ]);
      expect(new Set(codes)).toEqual(new Set(["path.refused"]));
    },
  );

  test("no path whatever reads or changes what is outside", async () => {
    await mkdir(join(root, "workspace/deep"));
    await symlink("../..", join(root, "workspace/up"));
    await symlink("..", join(root, "workspace/deep/up"));
    await symlink("deep/up/up/..", join(root, "workspace/mixed"));
    await symlink(place, join(root, "workspace/out"));
    await symlink("loop", join(root, "workspace/loop"));
    const step = fc.constantFrom(
      "..",
      ".",
      "",
      "deep",
      "up",
      "mixed",
      "out",
      "loop",
      "secret",
      "workspace",
      "root",
      "new",
    );
    const before = await readdir(place);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.boolean(), async (steps, isAbsolute) => {
        const path = (isAbsolute ? `${root}/` : "") + steps.join("/");
        const found = await files.read(path).then(
          (content) => Buffer.from(content).toString(),
          (error: unknown) => {
            if (!ClauderonError.isInstance(error)) throw error;
            return error.code;
          },
        );
        await codeOf(files.write(path, bytes("inside")));
        return found !== SECRET && (await readFile(join(place, "secret"), "utf8")) === SECRET;
      }),
      { numRuns: 300 },
    );
    expect(await readdir(place)).toEqual(before);
  });
});

describe("symlinks", () => {
  test("that stay inside are followed, also over others; those that lead out are refused", async () => {
    await files.write("real/file", bytes("content"));
    await symlink("real", join(root, "workspace/link"));
    await symlink("link/../link/file", join(root, "workspace/file"));
    await symlink("../../secret", join(root, "workspace/out"));
    await symlink(join(root, "workspace/real"), join(root, "workspace/absolute"));
    expect([await text("link/file"), await text("file"), await text("absolute/file")]).toEqual(
      Array(3).fill("content"),
    );
    expect(await codeOf(files.read("out"))).toBe("path.refused");
    await symlink("circle", join(root, "workspace/circle"));
    expect(await codeOf(files.read("circle"))).toBe("path.refused");
  });

  test.runIf(process.platform === "linux")(
    "that are swapped in while calls run never let anything out or in",
    async () => {
      const workspace = join(root, "workspace");
      await mkdir(join(place, "trap"));
      await writeFile(join(place, "trap", "file"), SECRET);
      await mkdir(join(workspace, "real"));
      await writeFile(join(workspace, "real", "file"), "inside");
      await symlink(join(place, "trap"), join(workspace, "bait"));
      const swapper = spawn(process.execPath, ["-e", swapScript, workspace], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      const seen = new Map<string, number>();
      const deadline = performance.now() + 10_000;
      const hasMetBoth = (): boolean => seen.has("inside") && seen.has("path.refused");
      try {
        // A thousand rounds, or as many as a loaded machine makes in the time.
        for (let round = 0; performance.now() < deadline && (round < 1000 || !hasMetBoth()); round += 1) {
          const found = await files.read("d/file").then(
            (content) => Buffer.from(content).toString(),
            (error: unknown) => (ClauderonError.isInstance(error) ? error.code : String(error)),
          );
          seen.set(found, (seen.get(found) ?? 0) + 1);
          await codeOf(files.write("d/written", bytes("inside")));
        }
      } finally {
        swapper.kill("SIGKILL");
        await once(swapper, "exit");
      }
      expect(seen.has(SECRET)).toBe(false);
      // The race was real: both sides of it were met.
      expect(hasMetBoth()).toBe(true);
      expect(await readdir(join(place, "trap"))).toEqual(["file"]);
    },
    60_000,
  );
});

describe("write", () => {
  test("leaves the old content and nothing else when the stream fails", async () => {
    await files.write("file", bytes("old"));
    const failing = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes("ne")),
      pull: (controller) => controller.error(new Error("the source broke")),
    });
    await expect(files.write("file", failing)).rejects.toThrow("the source broke");
    expect(await text("file")).toBe("old");
    expect(await readdir(join(root, "workspace"))).toEqual(["file"]);
  });

  test("replaces a symlink, sets the mode, and makes directories", async () => {
    await symlink(join(place, "secret"), join(root, "workspace/link"));
    await files.write("link", bytes("mine"), { mode: 0o640 });
    await files.write("a/b/c", bytes("deep"));
    expect(await readFile(join(place, "secret"), "utf8")).toBe(SECRET);
    expect(await files.stat("link")).toMatchObject({ kind: "file", mode: 0o640, sizeBytes: 4 });
    expect(await text("a/b/c")).toBe("deep");
  });

  test("refuses to replace a directory and cancels the stream it was given", async () => {
    await files.makeDirectory("directory/below");
    let isCancelled = false;
    const content = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(bytes("x".repeat(1024))),
      cancel: () => {
        isCancelled = true;
      },
    });
    expect(await codeOf(files.write("/", content))).toBe("path.refused");
    expect(isCancelled).toBe(true);
    expect(await codeOf(files.write("directory", bytes("x")))).toBe("file.failed");
  });
});

describe("archives", () => {
  test("bring back names of any length and character, modes, symlinks and contents", async () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter(
        (candidate) =>
          !/[/\0]/u.test(candidate) && candidate !== "." && candidate !== ".." && Buffer.byteLength(candidate) < 250,
      );
    const tree = fc.dictionary(
      name,
      fc.record({ content: fc.uint8Array({ maxLength: 2000 }), mode: fc.constantFrom(0o600, 0o644, 0o755, 0o444) }),
      { maxKeys: 4 },
    );
    let round = 0;
    await fc.assert(
      fc.asyncProperty(tree, fc.array(name, { maxLength: 3 }), async (entries, directories) => {
        round += 1;
        const from = `from-${round}`;
        const way = directories.map((directory) => `d${directory}`).join("/");
        for (const [entry, { content, mode }] of Object.entries(entries)) {
          await files.write(`${from}/${way}/${entry}`, content, { mode });
        }
        await files.makeDirectory(from);
        await symlink("target", join(root, "workspace", from, "a link"));
        await files.extract(`to-${round}`, await files.archive(from));
        for (const [entry, { content, mode }] of Object.entries(entries)) {
          const copied = `to-${round}/${way}/${entry}`;
          expect(Buffer.from(await files.read(copied)).equals(content)).toBe(true);
          expect((await files.stat(copied)).mode).toBe(mode);
        }
        expect(await readlink(join(root, "workspace", `to-${round}`, "a link"))).toBe("target");
      }),
      { numRuns: 25 },
    );
  });

  test("are understood by tar, and tar's by us", async () => {
    await files.write("tree/sub/program", bytes("#!/bin/sh\n"), { mode: 0o755 });
    await files.write(`tree/${"long".repeat(40)}/ünïcode`, bytes("x"));
    await writeFile(join(place, "ours.tar"), await collectBytes(await files.archive("tree")));
    await mkdir(join(place, "unpacked"));
    execFileSync("tar", ["-xf", join(place, "ours.tar"), "-C", join(place, "unpacked")]);
    expect((await stat(join(place, "unpacked/sub/program"))).mode & 0o777).toBe(0o755);
    const theirs = execFileSync("tar", ["--format=pax", "-cf", "-", "-C", join(place, "unpacked"), "."]);
    await files.extract("again", ReadableStream.from([theirs]));
    expect(await text(`again/${"long".repeat(40)}/ünïcode`)).toBe("x");
  });

  const escapes: readonly { readonly name: string; readonly type?: "symlink" | "link"; readonly linkname?: string }[] =
    [
      { name: "../x" },
      { name: "a/../../x" },
      { name: "/x" },
      { name: "link", type: "symlink", linkname: "/etc" },
      { name: "link", type: "symlink", linkname: "../../.." },
      { name: "link", type: "symlink", linkname: "sub/../../../.." },
      { name: "link", type: "link", linkname: "../../secret" },
    ];
  test.each(escapes)("with $name → $linkname are refused", async (header) => {
    const archive = pack();
    archive.entry({ name: "first" }, "kept");
    archive.entry(header, header.type === undefined ? "x" : undefined);
    archive.finalize();
    expect(await codeOf(files.extract("into", ReadableStream.from(archive)))).toBe("path.refused");
    expect(await text("into/first")).toBe("kept");
    expect(await readdir(place)).toEqual(["root", "secret"]);
    expect(await readdir(join(root, "workspace/into"))).toEqual(["first"]);
  });

  test("do not unpack through a symlink that was there or came with them", async () => {
    await mkdir(join(root, "workspace/into"), { recursive: true });
    await symlink(place, join(root, "workspace/into/out"));
    const archive = pack();
    archive.entry({ name: "out/file" }, "x");
    archive.finalize();
    expect(await codeOf(files.extract("into", ReadableStream.from(archive)))).toBe("path.refused");
    expect(await readdir(place)).toEqual(["root", "secret"]);
  });

  test("that are none are refused as such, and abandoned ones free what they hold", async () => {
    expect(await codeOf(files.extract("into", ReadableStream.from([new Uint8Array(700).fill(1)])))).toBe("file.failed");
    await files.write("big", new Uint8Array(3 * 1024 * 1024));
    const before = (await readdir("/proc/self/fd").catch(() => [])).length;
    for (let round = 0; round < 20; round += 1) {
      const archive = await files.archive("/".concat(root.slice(1)));
      const reader = archive.getReader();
      await reader.read();
      await reader.cancel();
      await (await files.readStream("big")).cancel();
    }
    await expect
      .poll(async () => (await readdir("/proc/self/fd").catch(() => [])).length)
      .toBeLessThanOrEqual(before + 2);
  });
});

describe.runIf(process.platform === "linux" && process.getuid?.() === 0)("in somebody else's directory", () => {
  test("what root makes is theirs", async () => {
    const directory = await mkdtemp(join(tmpdir(), "clauderon-owner-"));
    try {
      await chown(directory, 12_345, 12_346);
      const files = createDirectoryFiles({ root: directory });
      await files.write("made/deep/file", new TextEncoder().encode("x"));
      const archive = pack();
      archive.entry({ name: "sub", type: "directory" });
      archive.entry({ name: "sub/link", type: "symlink", linkname: "other" });
      archive.finalize();
      await files.extract("unpacked", ReadableStream.from(archive));
      for (const path of ["made", "made/deep", "made/deep/file", "unpacked", "unpacked/sub", "unpacked/sub/link"]) {
        const { uid, gid } = await lstat(join(directory, path));
        expect([path, uid, gid]).toEqual([path, 12_345, 12_346]);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
