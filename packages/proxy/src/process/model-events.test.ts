import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { TapEvent, TapRecord } from "../tap/tap-event.ts";
import type { ControlEvent } from "./control-protocol.ts";
import { EventBacklog, type FollowOptions } from "./event-backlog.ts";
import { TextGatherer } from "./text-gatherer.ts";

function record(event: TapEvent, exchangeId = "e1"): TapRecord {
  return {
    sessionId: "s1",
    sessionName: "fix",
    vendor: "anthropic",
    exchangeId,
    at: "2026-01-02T03:04:05.000Z",
    event,
  };
}

const text = (characters: number): TapEvent => ({ type: "text", characters });
const tool: TapEvent = { type: "tool.use", name: "Bash" };

function reader(options: Partial<FollowOptions> = {}): FollowOptions & { readonly seen: number[]; behind: number } {
  const seen: number[] = [];
  const made = {
    seen,
    behind: 0,
    from: { since: 0 },
    write: ({ sequence }: ControlEvent): boolean => {
      seen.push(sequence);
      return true;
    },
    onLeftBehind: (): void => {
      made.behind += 1;
    },
    ...options,
  };
  return made;
}

describe("the backlog of the tap's records", () => {
  const filled = (count: number, capacity?: number): EventBacklog => {
    const backlog = new EventBacklog(capacity);
    for (let index = 0; index < count; index += 1) backlog.push(record(text(1)));
    return backlog;
  };

  it("hands out what waits, then what comes, once and in order", () => {
    const backlog = filled(3);
    const one = reader();
    const follower = backlog.follow(one);
    expect(follower.start).toEqual({ epoch: backlog.epoch, latest: 3, lost: 0 });
    follower.resume();
    backlog.push(record(tool));
    expect(one.seen).toEqual([1, 2, 3, 4]);
    follower.leave();
    backlog.push(record(tool));
    expect(one.seen).toHaveLength(4);
  });

  it("goes on after a position of this process, and begins anew after one of another", () => {
    const backlog = filled(3);
    const same = reader({ from: { since: 2, epoch: backlog.epoch } });
    backlog.follow(same).resume();
    const other = reader({ from: { since: 2, epoch: "another" } });
    backlog.follow(other).resume();
    expect([same.seen, other.seen]).toEqual([[3], [1, 2, 3]]);
  });

  it("keeps until it is acknowledged, also for one who had read it", () => {
    const backlog = filled(3);
    expect(backlog.isSettled).toBe(true);
    backlog.follow(reader()).resume();
    expect(backlog.isSettled).toBe(false);
    backlog.acknowledge(2);
    const late = reader();
    expect(backlog.follow(late).start.lost).toBe(0);
    backlog.follow(late).resume();
    expect(late.seen).toEqual([3]);
    backlog.acknowledge(99);
    expect(backlog.isSettled).toBe(true);
    backlog.push(record(tool));
    expect(late.seen).toEqual([3, 4]);
  });

  it("waits for one who takes no more, without holding up another", () => {
    const backlog = filled(1);
    const seen: number[] = [];
    const slow = backlog.follow(reader({ write: ({ sequence }) => seen.push(sequence) < 0 }));
    const quick = reader();
    backlog.follow(quick).resume();
    slow.resume();
    for (let index = 0; index < 5; index += 1) backlog.push(record(tool));
    expect(seen).toEqual([1]);
    slow.resume();
    expect(seen).toEqual([1, 2]);
    expect(quick.seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("gives the oldest up when too many wait, and says how many; one who is overtaken is sent away", () => {
    const backlog = filled(0, 10);
    const slow = reader({ write: () => false });
    backlog.follow(slow).resume();
    for (let index = 0; index < 100; index += 1) backlog.push(record(tool));
    expect(slow.behind).toBe(1);
    const late = backlog.follow(reader());
    late.resume();
    expect(late.start.lost).toBeGreaterThanOrEqual(89);
    backlog.acknowledge(95);
    expect(backlog.follow(reader()).start.lost).toBe(0);
  });
});

describe("lengths of text", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("are added up until another event of the exchange, for ten seconds at most", () => {
    const given: TapRecord[] = [];
    const gatherer = new TextGatherer((one) => given.push(one));
    for (let index = 0; index < 1000; index += 1) gatherer.push(record(text(2)));
    gatherer.push(record(text(1), "e2"));
    expect(given).toEqual([]);
    gatherer.push(record(tool));
    expect(given).toEqual([record(text(2000)), record(tool)]);
    vi.advanceTimersByTime(9999);
    expect(given).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(given.slice(2)).toEqual([record(text(1), "e2")]);
    gatherer.push(record(text(5)));
    gatherer.flush();
    expect(given.slice(3)).toEqual([record(text(5))]);
    vi.advanceTimersByTime(20_000);
    expect(given).toHaveLength(4);
  });
});
