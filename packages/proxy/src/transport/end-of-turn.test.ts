import { silentLogger } from "@clauderon/core/contract";
import { expect, it } from "vitest";

import { DecisionRecords } from "./decision-records.ts";
import { atEndOfTurn } from "./end-of-turn.ts";
import { uncaughtIn } from "./testing/uncaught.fixture.ts";

it("a task that fails keeps no other from its end, nor any of a later turn, and is told", async () => {
  const ran: number[] = [];
  const errors = await uncaughtIn(async () => {
    for (const index of [1, 2, 3])
      atEndOfTurn({
        endTurn: () => {
          if (index === 2) throw new Error("the second one");
          ran.push(index);
        },
      });
    await new Promise((fulfil) => setImmediate(fulfil));
    atEndOfTurn({ endTurn: () => void ran.push(4) });
  });
  expect(ran).toEqual([1, 3, 4]);
  expect(errors).toEqual([new Error("the second one")]);
});

it.each([
  ["written", "proceed", true],
  ["not written", "refuse", false],
] as const)("a decision that fails once its line is %s keeps no other from its own", async (_name, what, isWritten) => {
  const told: string[] = [];
  const happened: string[] = [];
  const records = new DecisionRecords({
    writeRecord: () => undefined,
    flushRecords: () => {
      if (!isWritten) throw new Error("full");
    },
    logger: { ...silentLogger, error: (_fields, message) => told.push(message) },
  });
  const errors = await uncaughtIn(async () => {
    for (const index of [1, 2, 3]) {
      const happen = (kind: string) => (): void => {
        if (index === 2) throw new Error("the second one");
        happened.push(`${kind} ${index}`);
      };
      records.whenWritten({ proceed: happen("proceed"), refuse: happen("refuse") });
    }
  });
  expect(happened).toEqual([`${what} 1`, `${what} 3`]);
  expect(errors).toEqual([]);
  expect(told).toContain("a request failed inside the proxy");
});
