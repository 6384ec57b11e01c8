import fc from "fast-check";
import { expect, test } from "vitest";

import {
  BEHIND_BYTES,
  flowAcknowledge,
  flowNeedsSnapshot,
  flowPauses,
  flowSend,
  PAUSE_BYTES,
  RESUME_BYTES,
  startFlow,
} from "./flow-control.ts";

test("no viewer ever has more than the limit unshown, whatever it acknowledges", () => {
  const step = fc.oneof(
    fc.record({ bytes: fc.integer({ min: 1, max: 200_000 }) }),
    fc.record({ acknowledged: fc.maxSafeNat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let flow = startFlow(1000);
      for (const next of steps) {
        if ("bytes" in next) flow = flowSend(flow, next.bytes).flow;
        else flow = flowAcknowledge(flow, next.acknowledged);
        expect(flow.sent - flow.acknowledged).toBeLessThanOrEqual(BEHIND_BYTES);
        expect(flow.acknowledged).toBeLessThanOrEqual(flow.sent);
      }
    }),
  );
});

test("the agent is paused above the one limit and goes on below the other", () => {
  const at = (bytes: number) => flowSend(startFlow(0), bytes).flow;
  expect(flowPauses(at(PAUSE_BYTES), false)).toBe(false);
  expect(flowPauses(at(PAUSE_BYTES + 1), false)).toBe(true);
  expect(flowPauses(at(RESUME_BYTES), true)).toBe(true);
  expect(flowPauses(at(RESUME_BYTES - 1), true)).toBe(false);
  expect(flowPauses(undefined, true)).toBe(false);
});

test("who was left behind gets a snapshot once it has shown the rest", () => {
  let flow = flowSend(flowSend(startFlow(0), 900_000).flow, 200_000).flow;
  expect(flow).toMatchObject({ isBehind: true, sent: 900_000 });
  expect(flowSend(flow, 1).isSending).toBe(false);
  expect(flowNeedsSnapshot(flow)).toBe(false);
  flow = flowAcknowledge(flow, 900_000);
  expect(flowNeedsSnapshot(flow)).toBe(true);
});
