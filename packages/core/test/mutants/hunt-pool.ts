import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { Hunt } from "./hunt-mutant.ts";
import type { HuntQuestion } from "./hunt-worker.ts";

type Answer = { readonly hunt: Hunt } | { readonly failure: string };

/** Hunts mutants in processes of their own, several at the same time: one run of the kit keeps a processor busy. */
export class HuntPool implements Disposable {
  readonly #idle: ChildProcess[];
  readonly #all: readonly ChildProcess[];
  readonly #waiting: ((worker: ChildProcess) => void)[] = [];

  constructor(size: number) {
    const program = fileURLToPath(new URL("./hunt-worker.ts", import.meta.url));
    const execArgv = ["--conditions", "@clauderon/source"];
    this.#all = Array.from({ length: size }, () => fork(program, { execArgv }));
    this.#idle = [...this.#all];
  }

  async hunt(question: HuntQuestion): Promise<Hunt> {
    const worker = await this.#take();
    try {
      const answer = await this.#ask(worker, question);
      if ("failure" in answer) throw new Error(answer.failure);
      return answer.hunt;
    } finally {
      this.#giveBack(worker);
    }
  }

  [Symbol.dispose](): void {
    for (const worker of this.#all) worker.kill("SIGKILL");
  }

  async #ask(worker: ChildProcess, question: HuntQuestion): Promise<Answer> {
    const abandon = new AbortController();
    const { signal } = abandon;
    const died = once(worker, "exit", { signal }).then((): Answer => ({ failure: "the process of the hunt died" }));
    const answered = once(worker, "message", { signal }).then(([answer]) => answer as Answer);
    // Whichever comes second has nothing to say.
    died.catch(() => undefined);
    answered.catch(() => undefined);
    worker.send(question);
    try {
      return await Promise.race([answered, died]);
    } finally {
      abandon.abort();
    }
  }

  #take(): Promise<ChildProcess> {
    const worker = this.#idle.shift();
    if (worker !== undefined) return Promise.resolve(worker);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #giveBack(worker: ChildProcess): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
  }
}
