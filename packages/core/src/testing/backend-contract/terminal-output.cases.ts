import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { launch, view } from "./agent-helpers.ts";
import { twoPartAgent } from "./terminal-agents.ts";
import { untilWritten } from "./until-written.ts";

/** 2,000 numbered lines of 64 bytes in 20 bursts, untouched by the terminal. */
const burstAgent = [
  "stty raw -echo; burst=0",
  'while [ "$burst" -lt 20 ]; do line=0',
  'while [ "$line" -lt 100 ]; do printf "%063d\\n" "$((burst * 100 + line))"; line=$((line + 1)); done',
  "burst=$((burst + 1)); sleep 0.02; done; printf x > bursts",
].join("\n");

const burstOutput = Array.from({ length: 2000 }, (_, index) => `${String(index).padStart(63, "0")}\n`).join("");

/** More than any buffer on the way may hold. */
const PAUSED_PARTS = 64;

/** Waits for the file `go`, then writes so many times 128 KiB and counts them in the file `progress`. */
const floodAgent = [
  "stty raw -echo; head -c 131072 /dev/zero | tr '\\000' x > part; while ! [ -e go ]; do sleep 0.02; done",
  'printf "0\\n" > progress; count=0',
  'while [ "$count" -lt "$1" ]; do cat part; count=$((count + 1)); printf "%s\\n" "$count" > progress; done',
].join("\n");

/** Waits until the agent writes, then until its progress has been the same for 15 looks, or is at the end; prints it. */
const untilStill = [
  'until [ -s progress ]; do sleep 0.02; done; same=0; previous=""',
  'while [ "$same" -lt 15 ]; do progress=$(cat progress); if [ "$progress" = "$1" ]; then break; fi',
  'if [ "$progress" = "$previous" ]; then same=$((same + 1)); else same=0; fi; previous=$progress; sleep 0.05; done',
  'printf "%s" "$progress"',
].join("\n");

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

export const terminalOutputCases: ContractCases = {
  "terminal:output:bytes": async (context) => {
    const made = await context.sandbox();
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    await made.files.write("all", all);
    await launch(made, "stty raw -echo; cat all all");
    const reader = await view(made);
    await reader.done;
    assert.deepEqual([...reader.bytes()], [...all, ...all]);
  },

  "terminal:output:4-mebibytes": async (context) => {
    const made = await context.sandbox();
    const text =
      "stty raw -echo; while ! [ -e go ]; do sleep 0.02; done; head -c 3145728 /dev/urandom | base64 -w 0 | tee big";
    await launch(made, text);
    const reader = await view(made);
    await script(made, ": > go");
    await reader.done;
    assert.equal(reader.bytes().length, 4_194_304);
    assert.equal(sha256(reader.bytes()), (await script(made, "sha256sum < big | cut -c 1-64")).trim());
  },

  "terminal:output:ends": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    const reader = await view(made);
    await script(made, ": > go");
    await reader.done;
    assert.equal((await reader.stream.ended)?.exitCode, 0);
    assert.match(reader.text(), /part-one[^]*part-two/);
  },

  "terminal:output:after-end": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "printf 'the-last-words\\n'; exit 4");
    await made.agentExit();
    const reader = await view(made);
    await reader.done;
    assert.ok(reader.text().includes("the-last-words"), reader.text());
    assert.equal((await reader.stream.ended)?.exitCode, 4);
  },

  "terminal:replay:from-start": async (context) => {
    const made = await context.sandbox();
    await launch(made, `${burstAgent}\nwhile :; do sleep 0.1; done`);
    await untilWritten(context, made, { path: "bursts" });
    const reader = await view(made);
    await context.until("all bytes", () => reader.text().length >= burstOutput.length);
    assert.equal(reader.chunks[0]?.sequence, 0);
    assert.equal(reader.bytes().toString(), burstOutput);
    await reader.stream.close();
  },

  "terminal:replay:since": async (context) => {
    const made = await context.sandbox();
    await launch(made, burstAgent);
    await made.agentExit();
    const since = 12_345;
    const reader = await view(made, { since });
    await reader.done;
    assert.equal(reader.bytes().toString(), burstOutput.slice(since));
    const [first, second] = reader.chunks;
    assert.ok(first?.sequence === since || second?.sequence === since, "begins where it was asked to");
  },

  "terminal:replay:since-end": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    const first = await view(made);
    await context.until("the first part", () => first.text().includes("part-one\r\n"));
    const since = first.next();
    await first.stream.close();
    const second = await view(made, { since });
    await script(made, ": > go");
    await second.done;
    assert.equal(second.bytes().toString(), "part-two\r\n");
  },

  "terminal:replay:marked": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    const witness = await view(made);
    await context.until("the first part", () => witness.text().includes("part-one\r\n"));
    const reader = await view(made);
    await context.until("the replay", () => reader.text().includes("part-one\r\n"));
    await script(made, ": > go");
    await reader.done;
    const textOf = (isReplay: boolean): string =>
      Buffer.concat(
        reader.chunks.filter((chunk) => chunk.isReplay === isReplay).map((chunk) => chunk.bytes),
      ).toString();
    assert.ok(textOf(true).includes("part-one"), "what was written before is marked as replay");
    assert.equal(textOf(false), "part-two\r\n");
    await witness.stream.close();
  },

  "terminal:replay:reconnect": async (context) => {
    const made = await context.sandbox();
    await launch(made, burstAgent);
    let seen = Buffer.alloc(0);
    for (const burst of [3, 7, 11, 15]) {
      const reader = await view(made, { since: seen.length });
      await context.until(`burst ${String(burst)}`, () => seen.length + reader.bytes().length >= burst * 6400);
      await reader.stream.close();
      await reader.done;
      const all = Buffer.concat([seen, reader.bytes()]);
      // A reader that had not stored its last piece yet.
      seen = all.subarray(0, all.length - 1500);
    }
    const last = await view(made, { since: seen.length });
    await last.done;
    const all = Buffer.concat([seen, last.bytes()]);
    assert.equal(all.length, burstOutput.length);
    assert.equal(sha256(all), sha256(burstOutput));
  },

  "terminal:paused": async (context) => {
    const made = await context.sandbox();
    await launch(made, floodAgent, String(PAUSED_PARTS));
    const reader = await view(made);
    await reader.stream.setPaused(true);
    await script(made, ": > go");
    const progress = await script(made, untilStill, String(PAUSED_PARTS));
    assert.notEqual(progress, String(PAUSED_PARTS), "the agent went on although nothing was taken from it");
    await reader.stream.setPaused(false);
    await reader.done;
    assert.equal(reader.bytes().length, PAUSED_PARTS * 131_072);
  },

  "terminal:screen:now": async (context) => {
    const made = await context.sandbox();
    const text =
      'printf "old-words\\n"; printf "\\033[2J\\033[3J\\033[Hnew-words\\n"; printf x > drawn; while :; do sleep 0.1; done';
    await launch(made, text);
    await untilWritten(context, made, { path: "drawn" });
    await context.until("it is shown", async () => (await made.agentText()).includes("new-words"));
    const reader = await view(made, { size: { columns: 80, rows: 24 } });
    await context.until("the screen", () => reader.text().includes("new-words"));
    assert.equal(reader.text().includes("old-words"), false, "what was wiped away is not shown");
    await reader.stream.close();
  },

  "terminal:screen:live": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    const reader = await view(made);
    await context.until("the first part", () => reader.text().includes("part-one"));
    await script(made, ": > go");
    await context.until("the second part", () => reader.text().includes("part-two"));
    await reader.stream.close();
  },

  "terminal:text": async (context) => {
    const made = await context.sandbox();
    await launch(made, 'printf "\\033[1;31mred-words\\033[0m\\n"; while :; do sleep 0.1; done');
    const text = await context.until("the text", async () => {
      const seen = await made.agentText();
      return seen.includes("red-words") ? seen : undefined;
    });
    assert.equal(text.includes("\u001b"), false, "plain text");
  },

  "terminal:text:lines": async (context) => {
    const made = await context.sandbox();
    await launch(
      made,
      'for line in 1 2 3 4 5 6 7 8 9; do printf "line-%s\\n" "$line"; done; while :; do sleep 0.1; done',
    );
    await context.until("the text", async () => (await made.agentText()).includes("line-9"));
    const text = await made.agentText({ lines: 4 });
    assert.ok(text.includes("line-9"), text);
    assert.equal(text.includes("line-2"), false, "no more lines than asked for");
  },

  "terminal:text:none": async ({ shared }) => {
    assert.equal(await (await shared()).agentText(), "");
  },

  "terminal:text:ended": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "printf 'the-last-words\\n'; exit 1");
    await made.agentExit();
    const text = await made.agentText();
    assert.ok(text.includes("the-last-words"), text);
  },
};
