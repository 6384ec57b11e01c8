/** Has something to write once the turn of the event loop is over. */
export interface TurnTask {
  endTurn(): void;
}

let waiting: TurnTask[] = [];

/**
 * Writes at the end of the turn, together with what else is written in it. A write wakes the process at the other end, which is asleep again before the next one
 * comes when each is made as soon as it can be; waking costs more than encrypting and sending.
 */
export function atEndOfTurn(task: TurnTask): void {
  if (waiting.push(task) === 1) setImmediate(endTurn);
}

function endTurn(): void {
  const tasks = waiting;
  waiting = [];
  for (const task of tasks) task.endTurn();
}
