import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { SessionUpload } from "@clauderon/core/contract";
import { afterAll, beforeAll, expect, test } from "vitest";

import { git, openRig, type DaemonRig } from "./daemon-rig.ts";

let rig: DaemonRig;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

const output = (directory: string, ...args: readonly string[]): string =>
  execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" });

async function post(
  form: FormData | string,
  name = "up",
): Promise<{ readonly status: number; readonly body: unknown }> {
  const authorization = `Bearer ${rig.token}`;
  const response = await fetch(`${rig.daemon.file.url}/api/sessions/${name}/upload`, {
    method: "POST",
    headers: { authorization },
    body: form,
  });
  return { status: response.status, body: await response.json() };
}

function formWith(name: string, content: Uint8Array<ArrayBuffer> | string): FormData {
  const form = new FormData();
  form.set("file", new File([content], name));
  return form;
}

test("a file is put into a session on this machine, where git sees nothing of it, and goes with the session", async () => {
  mkdirSync(path.join(rig.repository, ".clauderon"), { recursive: true });
  writeFileSync(path.join(rig.repository, ".clauderon", "notes"), "tracked\n");
  writeFileSync(path.join(rig.repository, ".gitignore"), "!.clauderon/**\n");
  git(rig.repository, "add", "-A");
  git(rig.repository, "commit", "-m", "its own directory of that name");
  const session = await rig.client.sessions.create({ repository: rig.repository, name: "up" });
  const { workspace } = await session.detail();
  const content = Buffer.from([0, 255, 13, 10, 45, 45, 0]);
  const upload = await session.upload({ name: 'sh"ot\u00e9 %.png', content });
  expect(upload).toEqual({
    schemaVersion: 1,
    session: "up",
    name: 'sh"ot\u00e9 %.png',
    path: expect.any(String),
    sizeBytes: 7,
  });
  expect(path.dirname(upload.path)).toBe(path.join(workspace, ".clauderon", "uploads", session.id));
  expect(readFileSync(upload.path)).toEqual(content);
  const { status, body } = await post(formWith("by-hand.txt", "by hand"));
  expect([status, readFileSync((body as SessionUpload).path, "utf8")]).toEqual([200, "by hand"]);
  expect(output(workspace, "status", "--porcelain", "--untracked-files=all")).toBe("");
  expect(output(workspace, "add", "--all", "--dry-run")).toBe("");
  expect(await session.diff()).toBe("");
  expect((await session.detail({ withWorkspace: true })).workspaceStatus).toMatchObject({ untracked: 0, unstaged: 0 });
  const checkpoint = await rig.client.checkpoints.create("up");
  expect(checkpoint.files).toBe(3);
  // Nothing is at risk: no `discard` is needed.
  await session.delete();
  expect(existsSync(workspace)).toBe(false);
  const again = await rig.client.undo.restore({ reference: session.id });
  expect(readFileSync(upload.path)).toEqual(content);
  await again.delete({ keepWorktree: true });
  expect([
    readdirSync(path.join(workspace, ".clauderon")),
    output(workspace, "status", "--porcelain", "--ignored"),
  ]).toEqual([["notes"], ""]);
}, 120_000);

test("what is posted may be wrong: it says so, and nothing is written", async () => {
  const session = await rig.client.sessions.create({ repository: rig.repository, name: "wrong" });
  const { workspace } = await session.detail();
  const wrong: readonly (readonly [FormData | string, number, string])[] = [
    [formWith("../up", "x"), 400, "usage.invalid"],
    [formWith(String.raw`a\b`, "x"), 400, "usage.invalid"],
    [formWith("..", "x"), 400, "usage.invalid"],
    ["no form", 415, "usage.invalid"],
    [new FormData(), 400, "usage.invalid"],
    [formWith("big", new Uint8Array(32 * 1024 * 1024 + 1)), 413, "request.too-large"],
    [formWith("huge", new Uint8Array(34 * 1024 * 1024)), 413, "request.too-large"],
  ];
  for (const [form, status, code] of wrong) {
    const answer = await post(form, "wrong");
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ code })]);
  }
  expect(existsSync(path.join(workspace, ".clauderon", "uploads"))).toBe(false);
  await session.delete();
}, 120_000);
