import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { ClauderonError } from "../../contract/index.ts";
import { peek, readAll, run, script } from "../contract-commands.ts";
import type { ContractCase, ContractCases } from "../contract-context.ts";
import { GIVE_UP_MS, readUntil, typeInto } from "./exec-helpers.ts";
import { printArguments } from "./scripts.ts";

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
    const outcome = await run(await shared(), ["cat"], { timeoutMs: milliseconds(GIVE_UP_MS) });
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
    const environment = Object.fromEntries(values.map((value, index) => [`VALUE_${String(index)}`, value]));
    const text =
      'printf "%s\\0" "$VALUE_0" "$VALUE_1" "$VALUE_2" "$VALUE_3" "$VALUE_4" "$VALUE_5" "$VALUE_6" "$VALUE_7" "$VALUE_8" "$VALUE_9"';
    const { stdout } = await run(sandbox, ["sh", "-c", text], { environment });
    assert.deepEqual(stdout.toString().split("\0").slice(0, -1), values);
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
};
