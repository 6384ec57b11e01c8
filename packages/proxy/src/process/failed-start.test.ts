import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { failureLine, lastWords, startLine } from "./failed-start.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "clauderon-fs-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const line = (fields: object, message: string): string => `${JSON.stringify({ level: "error", message, ...fields })}\n`;
const failed = line(...failureLine({ message: "The port is taken", why: "by another", fix: ["end it"] }));
const told = { why: "The port is taken: by another", fix: ["end it"] };

it.each([
  ["a start that failed", startLine() + failed, told],
  [
    "one that failed after another that did not",
    startLine() + line({}, "the proxy listens") + startLine() + failed,
    told,
  ],
  ["one that said nothing after another that failed", startLine() + failed + startLine(), undefined],
  [
    "one that Node could not run after another that failed",
    `${startLine()}${failed}${startLine()}Error: no\n  at x\n`,
    undefined,
  ],
  [
    "a proxy that ran, and was in trouble when it was ended",
    startLine() + line({ error: { message: "The disk is full" } }, "audit log not written"),
    undefined,
  ],
  ["half a line", startLine() + failed.slice(0, 30), undefined],
])("of %s", async (_name, text, expected) => {
  await writeFile(join(directory, "proxy.log"), text);
  expect(await lastWords(join(directory, "proxy.log"))).toEqual(expected);
});
