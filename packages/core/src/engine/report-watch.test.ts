import { expect, it } from "vitest";

import type { AgentReport, AgentReports, AgentReportsOptions } from "../contract/agent-report.ts";
import { silentLogger } from "../contract/logger.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { RecordRequest } from "../contract/session-store.ts";
import { agentEnded } from "./agent-watch.ts";
import { eventOf, ReportWatch } from "./report-watch.ts";

const report = (sequence: number, event = "Stop"): AgentReport => ({ sequence, event, at: new Date(0), payload: {} });

/** A sandbox that tells these one after another, then waits until it is not asked any more, and tells the last ones to whoever asks once more. */
function telling(
  answers: AgentReports[],
  last?: AgentReports,
): { sandbox: Sandbox; asked: AgentReportsOptions["after"][] } {
  const asked: AgentReportsOptions["after"][] = [];
  const waitForReports = async ({ after, signal }: AgentReportsOptions = {}): Promise<AgentReports> => {
    asked.push(after);
    const next = answers.shift();
    if (next !== undefined) return next;
    if (isOver && last !== undefined) return last;
    isOver = true;
    await new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new Error("enough")), { once: true });
    });
    throw new Error("unreachable");
  };
  let isOver = false;
  return { sandbox: { sandboxId: "s1", name: "fix", waitForReports } as unknown as Sandbox, asked };
}

/** What was recorded until the sandbox was silent. */
async function recorded(
  { sandbox, asked }: ReturnType<typeof telling>,
  calls: number,
  { facts = new Map(), reason }: { readonly facts?: Map<string, string>; readonly reason?: symbol } = {},
): Promise<RecordRequest[]> {
  const requests: RecordRequest[] = [];
  const controller = new AbortController();
  const watch = new ReportWatch({
    log: {
      async record(request) {
        requests.push(request);
        if (request.fact !== undefined) facts.set(request.fact.key, request.fact.value);
      },
    },
    store: { getFact: async (key) => facts.get(key) },
    logger: silentLogger,
    pauseMs: 1,
  });
  const following = watch.follow(sandbox, controller.signal);
  await expect.poll(() => asked.length, { timeout: 20_000 }).toBe(calls);
  // Whatever ended a watch: what comes with an agent's end is waited for.
  controller.abort(reason);
  await following;
  return requests;
}

it("records each report once, also for who comes after, and what came with the end", async () => {
  const facts = new Map<string, string>();
  const first = telling([{ epoch: "a", reports: [report(1), report(2, "Notification")], lost: 0 }], {
    epoch: "a",
    reports: [report(3, "SessionEnd")],
    lost: 0,
  });
  const requests = await recorded(first, 2, { facts, reason: agentEnded });
  expect(requests.map(({ events }) => events.map(({ body }) => body))).toEqual([
    [
      { type: "agent.reported", event: "Stop" },
      { type: "agent.reported", event: "Notification" },
    ],
    [{ type: "agent.reported", event: "SessionEnd" }],
  ]);
  expect(requests[0]?.events[0]).toMatchObject({ sessionId: "s1", sessionName: "fix" });
  expect(first.asked).toEqual([undefined, { epoch: "a", sequence: 2 }, { epoch: "a", sequence: 2 }]);
  const second = telling([]);
  await recorded(second, 1, { facts });
  expect(second.asked[0]).toEqual({ epoch: "a", sequence: 3 });
});

it("lets nobody fill a disk", async () => {
  const reports = Array.from({ length: 256 }, (_, index) => report(index + 1));
  const [request] = await recorded(telling([{ epoch: "a", reports, lost: 1000 }]), 2);
  expect(request?.events.length).toBe(20);
  expect(request?.fact).toEqual({ key: "agent-reports.s1", value: "a 256" });
});

it("goes on when the sandbox cannot be asked for a moment", async () => {
  const world = telling([]);
  let failures = 2;
  const sandbox = {
    ...world.sandbox,
    async waitForReports(options?: AgentReportsOptions) {
      failures -= 1;
      if (failures >= 0) throw new Error("not yet");
      if (failures === -1) return { epoch: "b", reports: [report(1)], lost: 0 };
      return world.sandbox.waitForReports?.(options);
    },
  } as unknown as Sandbox;
  expect(await recorded({ ...world, sandbox }, 1)).toHaveLength(1);
});

it.each([
  [{ tool_name: "Bash", tool_input: { command: "secret" } }, { tool: "Bash" }],
  [{ notification_type: "permission_prompt", message: "May I read secret?" }, { detail: "permission_prompt" }],
  [{ source: "resume", prompt: "secret" }, { detail: "resume" }],
  [{ tool_name: "a b\u001b[2J", reason: "x".repeat(65) }, {}],
  [{ tool_name: ["Bash"], reason: null }, {}],
])("tells names, never a text: %j", (payload, told) => {
  expect(eventOf({ event: "Stop", payload })).toEqual({ type: "agent.reported", event: "Stop", ...told });
});
