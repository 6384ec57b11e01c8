import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { SessionUpload } from "../contract/upload.ts";
import { createDirectoryFiles } from "../host/create-directory-files.ts";
import { uploadLimits } from "../support/upload-limits.ts";
import { removeUploads, uploadFile } from "./upload-file.ts";

let root: string;
let workspace: string;
const session = { id: "id-of-one", name: "one" };

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "clauderon-upload-")));
  workspace = join(root, "workspace");
  mkdirSync(workspace);
  mkdirSync(join(root, "outside"));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function upload(name: string, content: Uint8Array = Buffer.from("content")): Promise<SessionUpload> {
  const sandbox = { files: createDirectoryFiles({ root: workspace }), workspacePath: "/workspace" };
  return uploadFile(sandbox, session, { name, content });
}

const place = (): string => join(workspace, ".clauderon", "uploads", session.id);

test("each file gets a name of its own, and its directory keeps git away", async () => {
  const [first, second] = [await upload("a.png"), await upload("a.png", Buffer.from("other"))];
  expect(first).toMatchObject({ schemaVersion: 1, session: "one", name: "a.png", sizeBytes: 7 });
  expect(first.path).toMatch(/^\/workspace\/\.clauderon\/uploads\/id-of-one\/[0-9a-f]{8}-a\.png$/u);
  const names = [first, second].map(({ path }) => path.split("/").at(-1) ?? "");
  expect(names.map((name) => readFileSync(join(place(), name), "utf8"))).toEqual(["content", "other"]);
  expect(readdirSync(place()).toSorted()).toEqual([".gitignore", ...names].toSorted());
  expect(readFileSync(join(place(), ".gitignore"), "utf8")).toBe("*\n");
  await removeUploads(workspace);
  expect(readdirSync(workspace)).toEqual([]);
});

test.each([
  "",
  ".",
  "..",
  "../x",
  "/etc/passwd",
  String.raw`..\x`,
  "a/b",
  "a\0b",
  "a\nb",
  "\u001B[2J",
  ".git",
  ".gitignore",
  ".GitModules",
  "NUL",
  "con.txt",
  "dot.",
  "blank ",
  "\uD800",
  "é".repeat(101),
])("%j is refused as a name", async (name) => {
  await expect(upload(name)).rejects.toMatchObject({ code: "usage.invalid", fix: [expect.any(String)] });
  expect(readdirSync(workspace)).toEqual([]);
});

test.each([".env", "-rf", "--help", "ünï ‥ cödé 😀.txt", "$(x) `y` 'z'", "a".repeat(200)])(
  "%j is a name",
  async (name) => {
    expect((await upload(name)).path.endsWith(`-${name}`)).toBe(true);
  },
);

test.each([".clauderon", ".clauderon/uploads", ".clauderon/uploads/id-of-one"])(
  "a link or a file at %s refuses, and nothing is written where it leads",
  async (path) => {
    for (const target of [join(root, "outside"), "inside"]) {
      rmSync(workspace, { recursive: true });
      mkdirSync(join(workspace, "inside"), { recursive: true });
      mkdirSync(join(workspace, path, ".."), { recursive: true });
      symlinkSync(target, join(workspace, path));
      await expect(upload("a")).rejects.toMatchObject({ code: "path.refused" });
    }
    expect([readdirSync(join(root, "outside")), readdirSync(join(workspace, "inside"))]).toEqual([[], []]);
    rmSync(join(workspace, path));
    writeFileSync(join(workspace, path), "the repository's");
    await expect(upload("a")).rejects.toMatchObject({ code: "path.refused" });
    expect(readFileSync(join(workspace, path), "utf8")).toBe("the repository's");
  },
);

test("too large a file, and too much of them, is refused with the limit named", async () => {
  await expect(upload("big", new Uint8Array(uploadLimits.fileBytes + 1))).rejects.toMatchObject({
    code: "request.too-large",
    why: "it has 32.0 MiB, 32.0 MiB are the most",
  });
  await upload("small");
  writeFileSync(join(place(), "sparse"), "");
  truncateSync(join(place(), "sparse"), uploadLimits.sessionBytes);
  await expect(upload("more")).rejects.toMatchObject({ code: "request.too-large" });
  rmSync(join(place(), "sparse"));
  for (let count = 1; count < uploadLimits.sessionFiles; count += 1) writeFileSync(join(place(), String(count)), "");
  await expect(upload("more")).rejects.toMatchObject({ code: "request.too-large" });
  expect(readdirSync(place())).toHaveLength(uploadLimits.sessionFiles + 1);
});
