import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

import { createBudgetKeeper, type BudgetDenial } from "../budget/create-budget-keeper.ts";
import { parseBudget } from "../budget/parse-budget.ts";
import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import { shippedRules } from "../rules/shipped-rules.ts";
import { sandboxWiring } from "../wiring/sandbox-wiring.ts";
import { createModelTap } from "./create-model-tap.ts";
import { startModelRelay } from "./model-relay.fixture.ts";
import { promptHash } from "./prompt-hash.ts";
import type { TapEvent, TapRecord } from "./tap-event.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: key = "",
  CLAUDERON_REQUIRE: required = "",
} = process.env;

const run = promisify(execFile);
const PROMPT = "%usage 5000 70\n%say Working on it\n%run echo ok >> hello.txt\n%say Grüße";

interface AgentRun {
  readonly argv: readonly string[];
  readonly environment: (url: string) => Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

const agents: Readonly<Record<string, AgentRun>> = {
  claude: {
    argv: ["--print", "--permission-mode", "acceptEdits", "--allowedTools", "Bash", "--", PROMPT],
    environment: (url) => ({
      ANTHROPIC_BASE_URL: url,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    }),
    secrets: ["anthropic"],
  },
  codex: {
    argv: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT],
    environment: () => ({}),
    secrets: ["openai"],
  },
  gemini: {
    argv: ["--skip-trust", "--approval-mode", "yolo", "--prompt", PROMPT],
    environment: (url) => ({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_CLI_NO_RELAUNCH: "true" }),
    secrets: ["gemini"],
  },
};

describe.each(Object.entries(agents))("the tap on the real %s", (name, { argv, environment, secrets }) => {
  const isThere = existsSync(join(programs, name)) && modelUrl !== "";
  if (!isThere)
    process.stdout.write(
      `not run: the tap on the real ${name} (CLAUDERON_TEST_AGENTS, CLAUDERON_TEST_MODEL_URL and _KEY say where it is)\n`,
    );
  const isRequired = required.split(/[\s,]+/).some((word) => word === name || word === "agents");

  (isThere || isRequired ? test : test.skip)(
    "proves the prompt and tells the turns, with placeholders alone, over a budget that ends and is raised",
    async () => {
      const home = await mkdtemp(join(tmpdir(), "clauderon-tap-"));
      const records: TapRecord[] = [];
      const denied: string[] = [];
      const keeper = createBudgetKeeper({ retryAfterSeconds: 1 });
      keeper.setLimit("id", parseBudget("5ktokens"));
      const tap = createModelTap({
        onRecord: (record) => {
          records.push(record);
          keeper.record(record);
        },
      });
      /** The first turn uses the budget up; it is raised once the agent has been told. */
      const admit = (context: ExchangeContext): BudgetDenial | undefined => {
        const denial = keeper.check(context);
        if (denial !== undefined) denied.push(denial.refusal.code);
        if (denial?.refusal.code === "budget-reached") keeper.setLimit("id", parseBudget("500ktokens"));
        return denial;
      };
      await using relay = await startModelRelay({ tap, modelUrl, key, admit });
      const wiring = sandboxWiring({
        sessionId: "id",
        proxyUrl: "http://127.0.0.1:9",
        caBundlePath: "/etc/ssl/certs/ca-certificates.crt",
        agent: name as "claude" | "codex" | "gemini",
        rules: shippedRules({}),
        secrets: new Set(secrets),
        home,
        now: new Date().toISOString(),
      });
      for (const { path, content } of wiring.files) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content);
      }
      const overrides =
        name === "codex" ? ["--config", `openai_base_url="${relay.url}/v1"`, "--config", "features.plugins=false"] : [];
      const work = join(home, "work");
      await run("git", ["init", "--quiet", work]);
      const placeholders = Object.entries(wiring.environment).filter(([, value]) => value.includes("placeholder"));
      const running = run(join(programs, name), [...wiring.agentArguments, ...overrides, ...argv], {
        cwd: work,
        env: { PATH: process.env["PATH"], HOME: home, ...Object.fromEntries(placeholders), ...environment(relay.url) },
        timeout: 120_000,
      });
      running.child.stdin?.end();
      const { stdout } = await running;
      expect(stdout).toContain("Grüße");
      expect(denied.filter((code) => code === "budget-reached")).toHaveLength(1);
      await rm(home, { recursive: true, force: true, maxRetries: 10 });

      const turns = Object.values(Object.groupBy(records, ({ exchangeId }) => exchangeId)).map((turn = []) =>
        turn.map(({ event }) => event),
      );
      const own = turns.filter(([first]) => first?.type === "turn.started" && !first.isSideCall);
      expect(own.map(([first]) => first)).toEqual([
        expect.objectContaining({ promptHash: promptHash(PROMPT), cause: "prompt" }),
        expect.objectContaining({ promptHash: promptHash(PROMPT), cause: "continuation" }),
      ]);
      expect(own.map((turn) => find(turn, "turn.ended")?.reason)).toEqual(["tool-use", "end"]);
      expect(own.map((turn) => turn.some(({ type }) => type === "tool.use"))).toEqual([true, false]);
      expect(own.map((turn) => find(turn, "usage")?.usage.isEstimated)).toEqual([false, false]);
      expect(own[0] && find(own[0], "usage")?.usage).toMatchObject({ inputTokens: 5000, outputTokens: 70 });
    },
  );
});

function find<Type extends TapEvent["type"]>(events: readonly TapEvent[], type: Type) {
  return events.find((event): event is Extract<TapEvent, { type: Type }> => event.type === type);
}
