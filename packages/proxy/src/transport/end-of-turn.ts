/** Has something to write once the turn of the event loop is over. */
export interface TurnTask {
  endTurn(): void;
}

let waiting: TurnTask[] = [];
let isPlanned = false;

/**
 * Writes at the end of the turn, together with what else is written in it. A write wakes the process at the other end, which is asleep again before the next one
 * comes when each is made as soon as it can be; waking costs more than encrypting and sending. What a task hands in is done in the same turn.
 */
export function atEndOfTurn(task: TurnTask): void {
  waiting.push(task);
  if (isPlanned) return;
  isPlanned = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  const failures: unknown[] = [];
  for (let index = 0; index < waiting.length; index += 1) {
    try {
      waiting[index]?.endTurn();
    } catch (error) {
      // One that fails keeps no other from its end.
      failures.push(error);
    }
  }
  waiting = [];
  isPlanned = false;
  if (failures.length > 0) throw failures[0];
}
