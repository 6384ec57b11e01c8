import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { ClauderonError, type ProcessHandle } from "../../contract/index.ts";
import { isTokenAlive, peek, readAll, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCase, ContractCases } from "../contract-context.ts";
import { loop, printArguments } from "./scripts.ts";

const TEN_MEBIBYTES = 10 * 1024 * 1024;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const exitCase =
  (code: number): ContractCase =>
  async ({ shared }) => {
    const outcome = await run(await shared(), ["sh", "-c", 'exit "$1"', "sh", String(code)]);
    assert.equal(outcome.exitCode, code);
    assert.equal(outcome.isTimedOut, false);
  };

/** The arguments must arrive as they are. */
const argumentCase =
  (...values: readonly string[]): ContractCase =>
  async ({ shared }) => {
    const { stdout } = await run(await shared(), [...printArguments, ...values]);
    assert.deepEqual(stdout.toString("utf8").split("\0").slice(0, -1), values);
  };

const unicode = Array.from({ length: 256 }, (_, index) =>
  String.fromCodePoint([0x00_c0, 0x04_10, 0x30_42, 0x1_f600][index % 4]! + Math.floor(index / 4)),
).join("");

const SIZE = { columns: 111, rows: 33 };

/** Ends a command that waits for what never comes, so that the case says what was missing. */
const GIVE_UP_MS = 10_000;

/** Reads a terminal's output until it contains the text. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, text: string): Promise<string> {
  let seen = "";
  const decoder = new TextDecoder();
  while (!seen.includes(text)) {
    const { done, value } = await reader.read();
    assert.equal(done, false, `the output ended before ${JSON.stringify(text)}: ${JSON.stringify(seen)}`);
    seen += decoder.decode(value, { stream: true });
  }
  return seen;
}

async function typeInto(handle: ProcessHandle, text: string): Promise<void> {
  const writer = handle.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
}

export const execCases: ContractCases = {
  "exec:exit:0": exitCase(0),
  "exec:exit:1": exitCase(1),
  "exec:exit:255": exitCase(255),

  "exec:exit:126": async ({ shared, directory }) => {
    const sandbox = await shared();
    await script(sandbox, 'printf "#!/bin/sh\\n" > "$1/plain"; chmod 644 "$1/plain"', directory);
    const outcome = await run(sandbox, [`${sandbox.workspacePath}/${directory}/plain`]);
    assert.equal(outcome.exitCode, 126);
  },

  "exec:exit:127": async ({ shared }) => {
    assert.equal((await run(await shared(), ["clauderon-no-such-program"])).exitCode, 127);
  },

  "exec:exit:127:path": async ({ shared }) => {
    assert.equal((await run(await shared(), ["/no/such/program", "argument"])).exitCode, 127);
  },

  "exec:exit:137": async ({ shared }) => {
    const outcome = await run(await shared(), ["sh", "-c", "kill -KILL $$"]);
    assert.equal(outcome.exitCode, 137);
    assert.equal(outcome.isTimedOut, false);
    if (outcome.signal !== undefined) assert.equal(outcome.signal, "SIGKILL");
  },

  "exec:exit:143": async ({ shared }) => {
    const outcome = await run(await shared(), ["sh", "-c", "kill -TERM $$"]);
    assert.equal(outcome.exitCode, 143);
    if (outcome.signal !== undefined) assert.equal(outcome.signal, "SIGTERM");
  },

  "exec:streams:apart": async ({ shared }) => {
    const outcome = await run(await shared(), ["sh", "-c", "printf out; printf err >&2"]);
    assert.equal(outcome.stdout.toString(), "out");
    assert.equal(outcome.stderr.toString(), "err");
  },

  "exec:streams:both-full": async ({ shared }) => {
    const outcome = await run(await shared(), [
      "sh",
      "-c",
      "head -c 1048576 /dev/zero >&2 & head -c 1048576 /dev/zero; wait",
    ]);
    assert.equal(outcome.stdout.length, 1_048_576);
    assert.equal(outcome.stderr.length, 1_048_576);
  },

  "exec:streams:binary": async ({ shared }) => {
    const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index % 256);
    const { stdout } = await run(await shared(), ["cat"], { input: bytes });
    assert.deepEqual([...stdout], [...bytes]);
  },

  "exec:output:live": async ({ shared, directory, milliseconds }) => {
    const sandbox = await shared();
    const text = 'printf first; while ! [ -e "$1/go" ]; do sleep 0.05; done; printf last';
    const handle = await sandbox.exec(["sh", "-c", text, "sh", directory], { timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "first");
    await script(sandbox, ': > "$1/go"', directory);
    await readUntil(reader, "last");
    reader.releaseLock();
    await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
  },

  "exec:output:complete": async ({ shared }) => {
    const sandbox = await shared();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => run(sandbox, ["head", "-c", "65536", "/dev/zero"])),
    );
    for (const { stdout } of outcomes) assert.equal(stdout.length, 65_536);
  },

  "exec:output:10-mebibytes": async ({ shared, directory }) => {
    const sandbox = await shared();
    const told = await script(
      sandbox,
      'head -c 10485760 /dev/urandom > "$1/big"; sha256sum < "$1/big" | cut -c 1-64',
      directory,
    );
    const { stdout } = await run(sandbox, ["cat", `${directory}/big`]);
    assert.equal(stdout.length, TEN_MEBIBYTES);
    assert.equal(sha256(stdout), told.trim());
  },

  "exec:output:cancelled": async ({ shared }) => {
    const handle = await (await shared()).exec(["head", "-c", "4194304", "/dev/zero"]);
    await Promise.all([handle.stdout.cancel(), handle.stderr.cancel()]);
    await handle.exit;
  },

  "exec:input:closed-by-default": async ({ shared, milliseconds }) => {
    const outcome = await run(await shared(), ["cat"], { timeoutMs: milliseconds(5000) });
    assert.equal(outcome.exitCode, 0);
    assert.equal(outcome.stdout.length, 0);
  },

  "exec:input:10-mebibytes": async ({ shared }) => {
    const bytes = randomBytes(TEN_MEBIBYTES);
    const { stdout } = await run(await shared(), ["sha256sum"], { input: bytes });
    assert.equal(stdout.toString().slice(0, 64), sha256(bytes));
  },

  "exec:input:interactive": async ({ shared, milliseconds }) => {
    const text = 'while IFS= read -r line; do printf "<%s>" "$line"; done; printf end';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { stdin: "pipe", timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await typeInto(handle, "one\n");
    await readUntil(reader, "<one>");
    await typeInto(handle, "two\n");
    await readUntil(reader, "<two>");
    await handle.stdin.close();
    await readUntil(reader, "end");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 0);
  },

  "exec:argv:spaces": argumentCase("two words", " leading", "trailing ", "\t"),
  "exec:argv:quotes": argumentCase(`it's`, `say "so"`, `'"'"'`, "\\", "\\n", '\\"'),
  "exec:argv:newlines": argumentCase("a\nb", "\n", "a\r\nb"),
  "exec:argv:double-dash": argumentCase("--", "a", "--", "--"),
  "exec:argv:empty": argumentCase("", "a", "", ""),
  "exec:argv:unicode": argumentCase(unicode),
  "exec:argv:substitution": argumentCase("$(echo no)", "${HOME}", "$HOME", "$1", "%HOME%", "!!"),
  "exec:argv:backticks": argumentCase("`echo no`", "`"),
  "exec:argv:dash": argumentCase("-n", "-e", "--help", "-"),
  "exec:argv:operators": argumentCase(";", "&&", "|", ">", "no; echo no", "*", "?", "~", "{a,b}", "#", "(", "&"),
  "exec:argv:long": argumentCase("x".repeat(100_000)),

  "exec:environment:spec": async ({ shared }) => {
    assert.equal(await script(await shared(), 'printf %s "$CONTRACT_SPEC"'), "from the spec");
  },

  "exec:environment:call": async ({ shared }) => {
    const { stdout } = await run(await shared(), ["sh", "-c", 'printf %s "$CONTRACT_CALL"'], {
      environment: { CONTRACT_CALL: "from the call" },
    });
    assert.equal(stdout.toString(), "from the call");
  },

  "exec:environment:override": async ({ shared }) => {
    const { stdout } = await run(await shared(), ["sh", "-c", 'printf %s "$CONTRACT_SPEC"'], {
      environment: { CONTRACT_SPEC: "from the call" },
    });
    assert.equal(stdout.toString(), "from the call");
  },

  "exec:environment:values": async ({ shared }) => {
    const sandbox = await shared();
    const values = ["", "two words", "a\nb", "a=b", "$HOME", "it's", '"', "ünï→😀", "`no`", "\\"];
    for (const value of values) {
      const { stdout } = await run(sandbox, ["sh", "-c", 'printf %s "$CONTRACT_VALUE"'], {
        environment: { CONTRACT_VALUE: value },
      });
      assert.equal(stdout.toString(), value);
    }
  },

  "exec:environment:once": async ({ shared }) => {
    const sandbox = await shared();
    await run(sandbox, ["true"], { environment: { CONTRACT_ONCE: "set" } });
    assert.equal(await script(sandbox, 'printf %s "${CONTRACT_ONCE-absent}"'), "absent");
  },

  "exec:environment:nothing-of-the-caller": async ({ shared, backendContext }) => {
    const usual = new Set(["PATH", "HOME", "SHELL", "TERM", "LANG", "PWD", "OLDPWD", "USER", "LOGNAME", "HOSTNAME"]);
    const { stdout } = await run(await shared(), ["env"]);
    const inside = new Set(stdout.toString().split("\n"));
    const leaked = Object.entries(process.env)
      .filter(([name, value]) => !usual.has(name) && (value ?? "").length > 2)
      .map(([name, value]) => `${name}=${value ?? ""}`)
      .filter((line) => inside.has(line));
    assert.deepEqual(leaked, []);
    assert.equal(stdout.includes(`CLAUDERON_HOME=${backendContext.homeDirectory}`), false);
  },

  "exec:cwd:default": async ({ shared }) => {
    const sandbox = await shared();
    assert.equal(await script(sandbox, "pwd -P"), `${sandbox.workspacePath}\n`);
  },

  "exec:cwd:relative": async ({ shared, directory }) => {
    const sandbox = await shared();
    const { stdout } = await run(sandbox, ["sh", "-c", "pwd -P"], { cwd: directory });
    assert.equal(stdout.toString(), `${sandbox.workspacePath}/${directory}\n`);
  },

  "exec:cwd:absolute": async ({ shared, directory }) => {
    const sandbox = await shared();
    const cwd = `${sandbox.workspacePath}/${directory}`;
    const { stdout } = await run(sandbox, ["sh", "-c", "pwd -P"], { cwd });
    assert.equal(stdout.toString(), `${cwd}\n`);
  },

  "exec:cwd:missing": async ({ shared, directory }) => {
    const sandbox = await shared();
    try {
      const outcome = await run(
        sandbox,
        ["sh", "-c", 'printf ran > "$1/ran"', "sh", `${sandbox.workspacePath}/${directory}`],
        {
          cwd: `${directory}/missing`,
        },
      );
      assert.ok([126, 127].includes(outcome.exitCode), `exit code 126 or 127, not ${String(outcome.exitCode)}`);
    } catch (error) {
      if (!ClauderonError.isInstance(error)) throw error;
    }
    assert.equal(await peek(sandbox, `${directory}/ran`), "", "it ran nowhere else");
  },

  "exec:terminal:is-one": async ({ shared }) => {
    const text = "if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then printf yes; else printf no; fi";
    const { stdout } = await run(await shared(), ["sh", "-c", text], { terminal: SIZE });
    assert.equal(stdout.toString().trim(), "yes");
  },

  "exec:terminal:none": async ({ shared }) => {
    const text = "if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then printf yes; else printf no; fi";
    assert.equal(await script(await shared(), text), "no");
  },

  "exec:terminal:size": async ({ shared }) => {
    const { stdout } = await run(await shared(), ["stty", "size"], { terminal: SIZE });
    assert.equal(stdout.toString().trim(), "33 111");
  },

  "exec:terminal:resize": async ({ shared, milliseconds }) => {
    const text = 'trap "stty size; exit 0" WINCH; printf ready; while :; do sleep 0.05; done';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { terminal: SIZE, timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await handle.resize({ columns: 77, rows: 22 });
    await readUntil(reader, "22 77");
    reader.releaseLock();
    await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
  },

  "exec:terminal:keyboard": async ({ shared, milliseconds }) => {
    const text = 'printf "name? "; IFS= read -r line; printf "<%s>" "$line"; exit 3';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { terminal: SIZE, timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "name? ");
    await typeInto(handle, "ada\n");
    await readUntil(reader, "<ada>");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 3);
  },

  "exec:terminal:interrupt": async ({ shared, milliseconds }) => {
    const text = 'trap "printf stopped; exit 4" INT; printf ready; while :; do sleep 0.05; done';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { terminal: SIZE, timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await typeInto(handle, "\u0003");
    await readUntil(reader, "stopped");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 4);
  },

  "exec:terminal:one-stream": async ({ shared }) => {
    const outcome = await run(await shared(), ["sh", "-c", "printf out; printf err >&2"], { terminal: SIZE });
    assert.equal(outcome.stdout.toString().trim(), "outerr");
    assert.equal(outcome.stderr.length, 0);
  },

  "exec:timeout:told": async ({ shared, milliseconds }) => {
    const outcome = await run(await shared(), ["sleep", "6"], { timeoutMs: milliseconds(300) });
    assert.equal(outcome.isTimedOut, true);
    assert.equal(outcome.exitCode, 137);
  },

  "exec:timeout:ends-group": async ({ shared, token, until, milliseconds }) => {
    const sandbox = await shared();
    const word = token();
    const text = 'sh -c "trap \\"\\" TERM; for part in 1 2 3 4 5 6; do sleep 1; done" "$0" & wait';
    const outcome = await run(sandbox, ["sh", "-c", text, word], { timeoutMs: milliseconds(400) });
    assert.equal(outcome.isTimedOut, true);
    await until("the end of its child", async () => !(await isTokenAlive(sandbox, word)));
  },

  "exec:timeout:not-reached": async ({ shared, milliseconds }) => {
    const outcome = await run(await shared(), ["sh", "-c", "exit 5"], { timeoutMs: milliseconds(60_000) });
    assert.equal(outcome.isTimedOut, false);
    assert.equal(outcome.exitCode, 5);
  },

  "exec:parallel:20": async ({ shared }) => {
    const sandbox = await shared();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        run(sandbox, ["sh", "-c", 'cat; printf %s "$1" >&2; exit "$1"', "sh", String(index)], {
          input: Buffer.from(`input ${String(index)}`),
        }),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ stdout, stderr, exitCode }) => [stdout.toString(), stderr.toString(), exitCode]),
      Array.from({ length: 20 }, (_, index) => [`input ${String(index)}`, String(index), index]),
    );
  },

  "exec:kill:default": async ({ shared, milliseconds }) => {
    const handle = await (
      await shared()
    ).exec(["sh", "-c", 'trap "printf bye; exit 6" TERM; printf ready; while :; do sleep 0.05; done'], {
      timeoutMs: milliseconds(GIVE_UP_MS),
    });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await handle.kill();
    await readUntil(reader, "bye");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 6);
  },

  "exec:kill:signal": async ({ shared, milliseconds }) => {
    const handle = await (
      await shared()
    ).exec(["sh", "-c", 'trap "printf usr; exit 7" USR1; printf ready; while :; do sleep 0.05; done'], {
      timeoutMs: milliseconds(GIVE_UP_MS),
    });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await handle.kill("SIGUSR1");
    await readUntil(reader, "usr");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 7);
  },

  "exec:kill:group": async ({ shared, token, until }) => {
    const sandbox = await shared();
    const word = token();
    const handle = await sandbox.exec(["sh", "-c", 'sh -c "while :; do sleep 0.2; done" "$0" & wait', word]);
    await until("the child", () => isTokenAlive(sandbox, word));
    await handle.kill("SIGKILL");
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 137);
    await until("the end of its child", async () => !(await isTokenAlive(sandbox, word)));
  },

  "exec:kill:after-end": async ({ shared }) => {
    const handle = await (await shared()).exec(["true"]);
    await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    await handle.kill();
    await handle.kill("SIGKILL");
  },

  "exec:handle:dropped": async ({ shared, token, until }) => {
    const sandbox = await shared();
    const word = token();
    const handle = await sandbox.exec(["sh", "-c", loop, word]);
    await Promise.all([handle.stdout.cancel(), handle.stderr.cancel()]);
    await until("the process", () => isTokenAlive(sandbox, word));
    await run(sandbox, ["true"]);
    assert.equal(await isTokenAlive(sandbox, word), true);
    await handle.kill("SIGKILL");
    await handle.exit;
  },

  "exec:gone": async ({ sandbox }) => {
    const made = await sandbox();
    await made.destroy({ graceMs: 500 });
    await rejectsWith(made.exec(["true"]), "sandbox.not-running", "sandbox.not-found");
  },
};
