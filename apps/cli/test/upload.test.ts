import { mkdtempSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess, type RunResult } from "./run-in-process.ts";

let directory: string;
const fake = new FakeClauderon(sessionDetail("fix"));

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "clauderon-upload-"));
  for (const name of ["a.png", "b.log"]) writeFileSync(join(directory, name), name);
  mkdirSync(join(directory, "folder"));
  writeFileSync(join(directory, "big"), "");
  truncateSync(join(directory, "big"), 33 * 1024 * 1024);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const upload = (...args: readonly string[]): Promise<RunResult> =>
  runInProcess(["upload", ...args], { access: access(fake), currentDirectory: directory });

test("upload prints where each file lies, in the order of the files", async () => {
  const { code, stdout } = await upload("fix", "a.png", "b.log");
  const paths = ["a.png", "b.log"].map((name) => `/workspace/.clauderon/uploads/id/1-${name}`);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${paths.join("\n")}\n` });
  expect(fake.uploaded.map(({ content }) => Buffer.from(content).toString())).toEqual(["a.png", "b.log"]);
  const json = await upload("fix", "a.png", "--json=path,sizeBytes");
  expect(JSON.parse(json.stdout)).toEqual([{ path: paths[0], sizeBytes: 5 }]);
});

test.each([
  [["nobody", "a.png"], 3, "nobody"],
  [["fix"], 2, "needs FILE"],
  [["fix", "none"], 1, "cannot be read"],
  [["fix", "folder"], 1, "it is no file"],
  [["fix", "/dev/null"], 1, "it is no file"],
  [["fix", "a.png", "big"], 2, "32.0 MiB are the most"],
])("upload %j is refused before anything is sent", async (args, code, message) => {
  const before = fake.uploaded.length;
  const result = await upload(...args);
  expect(result.stderr).toContain(message);
  expect(result).toMatchObject({ code, stdout: "" });
  expect(fake.uploaded).toHaveLength(before);
});
