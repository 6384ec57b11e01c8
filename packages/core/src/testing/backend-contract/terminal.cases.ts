import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";

import type { Sandbox } from "../../contract/index.ts";
import { isTokenAlive, peek, rejectsWith, script } from "../contract-commands.ts";
import type { ContractCases, ContractContext } from "../contract-context.ts";
import { launch, scriptLaunch, type, view } from "./agent-helpers.ts";
import { loop } from "./scripts.ts";

/** Writes each line it reads to the file `heard` and to the terminal. */
const echoAgent =
  'stty -echo; printf "ready\\n"; while IFS= read -r line; do printf "%s\\n" "$line" >> heard; printf "<%s>\\n" "$line"; done';

/** Prints, then waits until the file `go` appears, then prints again and ends. */
const twoPartAgent = 'printf "part-one\\n"; while ! [ -e go ]; do sleep 0.05; done; printf "part-two\\n"';

/** 2,000 numbered lines of 64 bytes in 20 bursts, untouched by the terminal. */
const burstAgent = [
  "stty raw -echo; burst=0",
  'while [ "$burst" -lt 20 ]; do line=0',
  'while [ "$line" -lt 100 ]; do printf "%063d\\n" "$((burst * 100 + line))"; line=$((line + 1)); done',
  "burst=$((burst + 1)); : > burst-$burst; sleep 0.02; done",
].join("\n");

const burstOutput = Array.from({ length: 2000 }, (_, index) => `${String(index).padStart(63, "0")}\n`).join("");

/** Counts its SIGWINCHs and keeps the sizes they brought. */
const sizeAgent = 'trap "stty size >> sizes" WINCH; stty size > first; printf "ready\\n"; while :; do sleep 0.05; done';

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

async function untilFile(context: ContractContext, sandbox: Sandbox, path: string): Promise<string> {
  return context.until(`the file ${path}`, async () => {
    const content = await peek(sandbox, path);
    return content === "" ? undefined : content;
  });
}

export const terminalCases: ContractCases = {
  "terminal:launch:status": async ({ sandbox }) => {
    const made = await sandbox();
    const asked = scriptLaunch(loop);
    const told = await made.startAgent(asked);
    assert.equal(told.state, "running");
    assert.equal(told.launchId, asked.launchId);
    const { agent } = await made.inspect();
    assert.equal(agent.state, "running");
    assert.equal(agent.launchId, asked.launchId);
    if (told.startedAt !== undefined) assert.ok(told.startedAt instanceof Date);
  },

  "terminal:launch:idempotent": async (context) => {
    const made = await context.sandbox();
    const asked = scriptLaunch('printf "x\\n" >> starts; while ! [ -e go ]; do sleep 0.05; done');
    const first = await made.startAgent(asked);
    const second = await made.startAgent(asked);
    assert.equal(second.launchId, first.launchId);
    assert.equal(second.processId, first.processId);
    await untilFile(context, made, "starts");
    await script(made, ": > go");
    await made.agentExit();
    assert.equal(await peek(made, "starts"), "x\n");
  },

  "terminal:launch:idempotent:ended": async ({ sandbox }) => {
    const made = await sandbox();
    const asked = scriptLaunch('printf "x\\n" >> starts; exit 3');
    await made.startAgent(asked);
    await made.agentExit();
    const again = await made.startAgent(asked);
    assert.equal(again.state, "exited");
    assert.equal(again.launchId, asked.launchId);
    assert.equal((await made.agentExit()).exit?.exitCode, 3);
    assert.equal(await peek(made, "starts"), "x\n");
  },

  "terminal:launch:concurrent": async ({ backend, reopen, spec, track }) => {
    const wanted = await spec();
    track(wanted);
    const made = await backend.create(wanted);
    const other = await reopen().open(wanted.sandboxId);
    assert.ok(other);
    const asked = scriptLaunch('printf "x\\n" >> starts; exit 0');
    const told = await Promise.all([made, other, made, other].map((each) => each.startAgent(asked)));
    for (const each of told) assert.equal(each.launchId, asked.launchId);
    await made.agentExit();
    assert.equal(await peek(made, "starts"), "x\n");
  },

  "terminal:launch:refused-while-running": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, loop);
    await rejectsWith(launch(made, 'printf "x" > second'), "session.wrong-state");
    assert.equal(await peek(made, "second"), "");
  },

  "terminal:launch:next": async (context) => {
    const made = await context.sandbox();
    await launch(made, "printf first; exit 1");
    await made.agentExit();
    const told = await launch(made, "printf second > second; printf 'second-start\\n'; exit 2");
    const ended = await made.agentExit();
    assert.equal(ended.launchId, told.launchId);
    assert.equal(ended.exit?.exitCode, 2);
    assert.equal(await peek(made, "second"), "second");
    const text = await made.agentText();
    assert.ok(text.includes("second-start"), text);
  },

  "terminal:launch:missing-program": async ({ sandbox }) => {
    const made = await sandbox();
    const launchId = randomUUID();
    await rejectsWith(
      made.startAgent({ launchId, argv: ["clauderon-no-such-program"], mode: "terminal" }),
      "command.not-found",
    );
    assert.notEqual((await made.inspect()).agent.state, "running");
  },

  "terminal:launch:after-missing": async ({ sandbox }) => {
    const made = await sandbox();
    const argv = ["clauderon-no-such-program"] as const;
    await made.startAgent({ launchId: randomUUID(), argv, mode: "terminal" }).catch(() => undefined);
    await launch(made, "exit 5");
    assert.equal((await made.agentExit()).exit?.exitCode, 5);
  },

  "terminal:launch:argv": async ({ sandbox }) => {
    const made = await sandbox();
    const values = ["two words", "it's", '"', "a\nb", "--", "", "$(echo no)", "`echo no`", "-n", "ünï→😀", "\\", "*"];
    await launch(made, 'for value in "$@"; do printf "%s\\0" "$value"; done > arguments', ...values);
    await made.agentExit();
    const seen = await script(made, 'tr "\\000" "\\001" < arguments');
    assert.deepEqual(seen.split("\u0001").slice(0, -1), values);
  },

  "terminal:launch:environment": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({
      ...scriptLaunch('printf "%s|%s" "$CONTRACT_SPEC" "$CONTRACT_LAUNCH" > seen'),
      environment: { CONTRACT_LAUNCH: "from the launch" },
    });
    await made.agentExit();
    assert.equal(await peek(made, "seen"), "from the spec|from the launch");
  },

  "terminal:launch:environment:override": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({
      ...scriptLaunch('printf "%s" "$CONTRACT_SPEC" > seen'),
      environment: { CONTRACT_SPEC: "from the launch" },
    });
    await made.agentExit();
    assert.equal(await peek(made, "seen"), "from the launch");
  },

  "terminal:launch:cwd": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "pwd -P > place");
    await made.agentExit();
    assert.equal(await script(made, 'cat "$1/place"', made.workspacePath), `${made.workspacePath}\n`);
  },

  "terminal:launch:is-terminal": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then printf yes > is; else printf no > is; fi");
    await made.agentExit();
    assert.equal(await peek(made, "is"), "yes");
  },

  "terminal:launch:size": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({ ...scriptLaunch("stty size > size"), size: { columns: 101, rows: 31 } });
    await made.agentExit();
    assert.equal(await peek(made, "size"), "31 101\n");
  },

  "terminal:none": async ({ sandbox }) => {
    const made = await sandbox();
    await rejectsWith(made.agentTerminal(), "agent.ended");
  },

  "terminal:exit:code": async ({ sandbox }) => {
    const made = await sandbox();
    const told = await launch(made, "exit 7");
    const ended = await made.agentExit();
    assert.equal(ended.state, "exited");
    assert.equal(ended.launchId, told.launchId);
    assert.equal(ended.exit?.exitCode, 7);
    const { agent, state } = await made.inspect();
    assert.equal(agent.state, "exited");
    assert.equal(agent.exit?.exitCode, 7);
    assert.equal(state, "running", "the sandbox goes on without its agent");
  },

  "terminal:exit:signal": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "kill -KILL $$");
    assert.equal((await made.agentExit()).exit?.exitCode, 137);
  },

  "terminal:exit:waits": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    let isOver = false;
    const exit = made.agentExit().then((status) => {
      isOver = true;
      return status;
    });
    await script(made, "true");
    assert.equal(isOver, false, "agentExit waits for the end");
    await script(made, ": > go");
    assert.equal((await exit).exit?.exitCode, 0);
  },

  "terminal:exit:new-object": async ({ sandbox, reopen }) => {
    const made = await sandbox();
    await launch(made, "exit 9");
    await made.agentExit();
    const again = await reopen().open(made.sandboxId);
    assert.equal((await again?.agentExit())?.exit?.exitCode, 9);
  },

  "terminal:input": async (context) => {
    const made = await context.sandbox();
    await launch(made, echoAgent);
    const reader = await view(made);
    await context.until("ready", () => reader.text().includes("ready"));
    await type(reader, "hello-agent\r");
    await context.until("the answer", () => reader.text().includes("<hello-agent>"));
    assert.equal(await peek(made, "heard"), "hello-agent\n");
    await reader.stream.close();
  },

  "terminal:input:64-kibibytes": async (context) => {
    const made = await context.sandbox();
    await launch(made, 'stty raw -echo; printf "ready\\n"; head -c 65536 | sha256sum | cut -c 1-64 > sum');
    const reader = await view(made);
    await context.until("ready", () => reader.text().includes("ready"));
    const text = Array.from({ length: 65_536 }, (_, index) => "abcdefghijklmnopqrstuvwxyz"[(index * 7) % 26]).join("");
    await type(reader, text);
    assert.equal(await untilFile(context, made, "sum"), `${sha256(text)}\n`);
    await reader.stream.close();
  },

  "terminal:input:interrupt": async (context) => {
    const made = await context.sandbox();
    await launch(made, 'trap "printf yes > interrupted; exit 3" INT; printf "ready\\n"; while :; do sleep 0.05; done');
    const reader = await view(made);
    await context.until("ready", () => reader.text().includes("ready"));
    await type(reader, "\u0003");
    assert.equal((await made.agentExit()).exit?.exitCode, 3);
    assert.equal(await peek(made, "interrupted"), "yes");
    await reader.stream.close();
  },

  "terminal:input:ended": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    const reader = await view(made);
    await script(made, ": > go");
    await made.agentExit();
    await reader.stream.ended;
    await rejectsWith(type(reader, "too late\r"), "agent.ended");
    await reader.stream.close();
  },

  "terminal:resize": async (context) => {
    const made = await context.sandbox();
    await launch(made, sizeAgent);
    const reader = await view(made);
    await untilFile(context, made, "first");
    await reader.stream.resize({ columns: 97, rows: 37 });
    await context.until("the size", async () => (await peek(made, "sizes")).endsWith("37 97\n"));
    await reader.stream.close();
  },

  "terminal:resize:once": async (context) => {
    const made = await context.sandbox();
    await launch(made, sizeAgent);
    const reader = await view(made, { size: { columns: 90, rows: 30 } });
    await untilFile(context, made, "first");
    await reader.stream.resize({ columns: 97, rows: 37 });
    await context.until("the size", async () => (await peek(made, "sizes")).endsWith("37 97\n"));
    await reader.stream.resize({ columns: 97, rows: 37 });
    await reader.stream.resize({ columns: 98, rows: 38 });
    await context.until("the next size", async () => (await peek(made, "sizes")).endsWith("38 98\n"));
    const sizes = (await peek(made, "sizes")).split("\n").filter((line) => !line.startsWith("30 90"));
    assert.deepEqual(sizes, ["37 97", "38 98", ""]);
    await reader.stream.close();
  },

  "terminal:view:size": async (context) => {
    const made = await context.sandbox();
    await launch(made, sizeAgent);
    await untilFile(context, made, "first");
    const reader = await view(made, { size: { columns: 93, rows: 33 } });
    await context.until("the viewer's size", async () => (await peek(made, "sizes")).endsWith("33 93\n"));
    await reader.stream.close();
  },

  "terminal:viewers:two": async (context) => {
    const made = await context.sandbox();
    await launch(made, echoAgent);
    const [one, two] = await Promise.all([view(made), view(made)]);
    await context.until("ready", () => one.text().includes("ready"));
    await type(one, "from-the-first\r");
    await type(two, "from-the-second\r");
    for (const reader of [one, two]) {
      await context.until("both lines", () => /<from-the-first>[^]*<from-the-second>/.test(reader.text()));
    }
    if (context.backend.capabilities.terminal === "bytes") {
      await context.until("the same bytes", () => one.bytes().equals(two.bytes()));
    }
    await Promise.all([one.stream.close(), two.stream.close()]);
  },

  "terminal:viewers:one-leaves": async (context) => {
    const made = await context.sandbox();
    await launch(made, echoAgent);
    const [one, two] = await Promise.all([view(made), view(made)]);
    await context.until("ready", () => two.text().includes("ready"));
    await one.stream.close();
    await type(two, "still-here\r");
    await context.until("the answer", () => two.text().includes("<still-here>"));
    await two.stream.close();
  },

  "terminal:viewers:all-leave": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await made.startAgent({ ...scriptLaunch(echoAgent), argv: ["sh", "-c", echoAgent, word] });
    const first = await view(made);
    await context.until("ready", () => first.text().includes("ready"));
    await first.stream.close();
    assert.equal(await isTokenAlive(made, word), true);
    const second = await view(made);
    await type(second, "again\r");
    await context.until("the answer", () => second.text().includes("<again>"));
    await second.stream.close();
  },

  "terminal:backend:new-object": async (context) => {
    const { reopen } = context;
    const before = reopen();
    const asked = await context.spec();
    context.track(asked);
    const made = await before.create(asked);
    const told = await launch(made, echoAgent);
    const first = await view(made);
    await context.until("ready", () => first.text().includes("ready"));
    await before.close();
    const found = await reopen().open(asked.sandboxId);
    assert.ok(found);
    const { agent } = await found.inspect();
    assert.equal(agent.state, "running");
    assert.equal(agent.launchId, told.launchId);
    assert.equal(agent.processId, told.processId);
    const second = await view(found);
    await type(second, "after-restart\r");
    await context.until("the answer", () => second.text().includes("<after-restart>"));
    assert.equal(await peek(found, "heard"), "after-restart\n");
    await second.stream.close();
  },

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

  "terminal:close": async (context) => {
    const made = await context.sandbox();
    await launch(made, loop);
    const reader = await view(made);
    await reader.stream.close();
    await reader.stream.close();
    await reader.done;
    assert.equal(await reader.stream.ended, undefined);
    assert.equal((await made.inspect()).agent.state, "running");
  },

  "terminal:replay:from-start": async (context) => {
    const made = await context.sandbox();
    await launch(made, `${burstAgent}\n: > done; while :; do sleep 0.1; done`);
    await context.until("the whole output", async () => (await script(made, "ls burst-20 2>/dev/null")) !== "");
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
    const text =
      'stty raw -echo; while ! [ -e go ]; do sleep 0.02; done; part=0; while [ "$part" -lt 256 ]; do head -c 131072 /dev/zero | tr "\\000" x; part=$((part + 1)); printf "%s\\n" "$part" > progress; done; : > done';
    await launch(made, text);
    const reader = await view(made);
    await reader.stream.setPaused(true);
    await script(made, ": > go");
    let previous = "";
    let looks = 0;
    await context.until("the agent to wait", async () => {
      const progress = await peek(made, "progress");
      assert.notEqual(progress, "256\n", "the agent went on although nothing was taken from it");
      looks = progress === previous ? looks + 1 : 0;
      previous = progress;
      return looks >= 12;
    });
    await reader.stream.setPaused(false);
    await context.until("the rest", async () => (await peek(made, "progress")) === "256\n", 30_000);
    await reader.done;
    assert.equal(reader.bytes().length, 256 * 131_072);
  },

  "terminal:screen:now": async (context) => {
    const made = await context.sandbox();
    const text =
      'printf "old-words\\n"; printf "\\033[2J\\033[3J\\033[Hnew-words\\n"; : > drawn; while :; do sleep 0.1; done';
    await launch(made, text);
    await context.until("it is drawn", async () => (await script(made, "ls drawn 2>/dev/null")) !== "");
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

  "terminal:text:none": async ({ sandbox }) => {
    const made = await sandbox();
    assert.equal(await made.agentText(), "");
  },

  "terminal:text:ended": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "printf 'the-last-words\\n'; exit 1");
    await made.agentExit();
    const text = await made.agentText();
    assert.ok(text.includes("the-last-words"), text);
  },

  "headless:streams": async ({ sandbox }) => {
    const made = await sandbox();
    const asked = { ...scriptLaunch("printf out; printf err >&2; exit 6"), mode: "headless" as const };
    await made.startAgent(asked);
    assert.equal((await made.agentExit()).exit?.exitCode, 6);
    const reader = await view(made);
    await reader.done;
    assert.equal(reader.bytes("stdout").toString(), "out");
    assert.equal(reader.bytes("stderr").toString(), "err");
    assert.equal((await reader.stream.ended)?.exitCode, 6);
  },

  "headless:output": async ({ sandbox }) => {
    const made = await sandbox();
    const text = "head -c 196608 /dev/urandom | base64 -w 0 | tee big; printf end >&2";
    await made.startAgent({ ...scriptLaunch(text), mode: "headless" });
    const reader = await view(made);
    await reader.done;
    const sum = await script(made, "sha256sum < big | cut -c 1-64");
    assert.equal(sha256(reader.bytes("stdout")), sum.trim());
    assert.equal(reader.bytes("stderr").toString(), "end");
  },

  "headless:no-terminal": async ({ sandbox }) => {
    const made = await sandbox();
    const text = "if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then printf yes > is; else printf no > is; fi";
    await made.startAgent({ ...scriptLaunch(text), mode: "headless" });
    await made.agentExit();
    assert.equal(await peek(made, "is"), "no");
  },

  "headless:no-input": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({ ...scriptLaunch("cat > input; printf ended >> input"), mode: "headless" });
    await made.agentExit();
    assert.equal(await peek(made, "input"), "ended");
  },

  "headless:missing-program": async ({ sandbox }) => {
    const made = await sandbox();
    const argv = ["clauderon-no-such-program"] as const;
    await rejectsWith(made.startAgent({ launchId: randomUUID(), argv, mode: "headless" }), "command.not-found");
  },

  "headless:text": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({ ...scriptLaunch("printf 'said-this\\n'"), mode: "headless" });
    await made.agentExit();
    const text = await made.agentText();
    assert.ok(text.includes("said-this"), text);
  },
};
