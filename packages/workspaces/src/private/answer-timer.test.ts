import { describe, expect, it, vi } from "vitest";

import { createAnswerTimer } from "./answer-timer.ts";

describe("the time that an answer may say nothing", () => {
  it("runs while one is due and not while it is dealt with, nor when it has ended", () => {
    vi.useFakeTimers();
    try {
      using timer = createAnswerTimer(1000, (why) => new Error(why));
      timer.waits();
      vi.advanceTimersByTime(900);
      timer.heard(Buffer.from("a part"));
      vi.advanceTimersByTime(5000);
      timer.waits();
      vi.advanceTimersByTime(900);
      timer.heard(Buffer.from("the last0000"));
      timer.waits();
      vi.advanceTimersByTime(5000);
      expect(timer.signal.aborted).toBe(false);
      timer.asked();
      vi.advanceTimersByTime(1001);
      expect(timer.signal.reason).toMatchObject({ message: expect.stringContaining("1 s") });
    } finally {
      vi.useRealTimers();
    }
  });
});
