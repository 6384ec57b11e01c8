import type { ModelEventBody, SessionEvent } from "@clauderon/core/contract";
import { expect, test } from "vitest";

import { FakeClauderon } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

const exchange = { vendor: "anthropic", exchangeId: "e1" } as const;
const usage = {
  inputTokens: 7,
  cachedInputTokens: 100,
  cacheWriteTokens: 20,
  longCacheWriteTokens: 3,
  outputTokens: 40,
  isEstimated: false,
};
const cases: readonly (readonly [ModelEventBody, string])[] = [
  [
    { type: "model.turn-started", ...exchange, model: "m-1", cause: "prompt", isSideCall: false },
    "model.turn-started m-1 prompt",
  ],
  [
    { type: "model.turn-started", ...exchange, cause: "continuation", isSideCall: true },
    "model.turn-started anthropic aside",
  ],
  [{ type: "model.text", ...exchange, characters: 3000 }, "model.text 3000 characters"],
  [{ type: "model.tool-used", ...exchange, tool: "Bash\u001b[2J" }, "model.tool-used Bash"],
  [{ type: "model.waiting", ...exchange, reason: "question", tool: "AskUserQuestion" }, "model.waiting question"],
  [{ type: "model.usage", ...exchange, model: "m-1", usage }, "model.usage 130 in, 40 out"],
  [{ type: "model.usage", ...exchange, usage: { ...usage, isEstimated: true } }, "model.usage about 130 in, 40 out"],
  [
    { type: "model.error", ...exchange, class: "overloaded", status: 529, code: "overloaded_error" },
    "model.error overloaded 529 overloaded_error",
  ],
  [{ type: "model.turn-ended", ...exchange, reason: "end" }, "model.turn-ended end"],
];

function eventsOf(bodies: readonly ModelEventBody[]): readonly SessionEvent[] {
  const at = "2026-01-02T03:04:05.000Z";
  return bodies.map((body, index) => ({ cursor: index + 1, sessionId: "s1", sessionName: "fix", at, body }));
}

test("events shows what the proxy saw of models, a line each", async () => {
  const fake = new FakeClauderon();
  fake.eventList = [...eventsOf(cases.map(([body]) => body))];
  const access = { connect: () => Promise.resolve(fake) };
  const { code, stdout } = await runInProcess(["events"], { access });
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(cases.length);
  for (const [index, [, expected]] of cases.entries())
    expect(lines[index]).toContain(`${index + 1} 2026-01-02T03:04:05.000Z fix ${expected}`);
  expect(stdout).not.toContain("\u001b");
  const some = await runInProcess(["events", "--type", "model.waiting", "--json"], { access });
  expect(JSON.parse(some.stdout)).toMatchObject({ schemaVersion: 1, body: cases[4]?.[0] });
});
