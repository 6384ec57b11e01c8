import type { Logger } from "@clauderon/core/contract";

import type { AuditEntry } from "../audit/audit-entry.ts";
import { atEndOfTurn, type TurnTask } from "./end-of-turn.ts";

/** Writes a line down before what it allows happens; throws when it cannot, and then nothing happens. */
export type WriteRecord = (entry: AuditEntry) => void;

/** Something that was decided on and has not happened yet. Neither of these throws. */
export interface HeldDecision {
  readonly proceed: () => void;
  readonly refuse: () => void;
}

export interface DecisionRecordsOptions {
  readonly writeRecord: WriteRecord;
  /** Absent = `writeRecord` holds nothing back. */
  readonly flushRecords: (() => void) | undefined;
  readonly logger: Logger;
}

/**
 * The record of what is decided, ahead of what happens: all that was decided in one turn of the event loop is written in one go at its end, and only then happens.
 * A process that is killed at any moment has let nothing through that is not in the record.
 */
export class DecisionRecords implements TurnTask {
  readonly #options: DecisionRecordsOptions;
  #held: HeldDecision[] = [];
  #isPlanned = false;

  constructor(options: DecisionRecordsOptions) {
    this.#options = options;
  }

  /** False when the line could not be taken. What was decided on is written by the end of the turn; how it ended may wait. */
  write(entry: AuditEntry, { isEnd }: { readonly isEnd: boolean }): boolean {
    try {
      this.#options.writeRecord(entry);
    } catch (error) {
      this.#tell(error);
      return false;
    }
    if (!isEnd) this.#plan();
    return true;
  }

  /** Lets the decision whose line was taken last happen once the line is written. */
  whenWritten(held: HeldDecision): void {
    if (this.#options.flushRecords === undefined) {
      held.proceed();
      return;
    }
    this.#held.push(held);
    this.#plan();
  }

  /** Writes what was taken; false when it could not be written. */
  flush(): boolean {
    try {
      this.#options.flushRecords?.();
      return true;
    } catch (error) {
      this.#tell(error);
      return false;
    }
  }

  endTurn(): void {
    this.#isPlanned = false;
    const held = this.#held;
    this.#held = [];
    const isWritten = this.flush();
    for (const { proceed, refuse } of held) {
      try {
        (isWritten ? proceed : refuse)();
      } catch (error) {
        // One that fails keeps no other from its end.
        this.#options.logger.error({ error: (error as Error).stack }, "a request failed inside the proxy");
      }
    }
  }

  #plan(): void {
    if (this.#isPlanned || this.#options.flushRecords === undefined) return;
    this.#isPlanned = true;
    atEndOfTurn(this);
  }

  #tell(error: unknown): void {
    const { message } = error as Error;
    this.#options.logger.error({ error: message }, "the audit cannot be written; nothing is let through");
  }
}
