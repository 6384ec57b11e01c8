/**
 * Keeps zellij's commands away from a session that is being born. Nearly every command of zellij knocks at the sockets of all sessions, and a
 * server of 0.44.3 that is knocked at before it is set up crashes (zellij-server, `lib.rs`: an unwrap of its missing session). Births are one at a
 * time; other commands run together, but not during one.
 */
export class ZellijGate {
  #running = 0;
  #isBirth = false;
  readonly #waiting: { readonly isBirth: boolean; readonly enter: () => void }[] = [];

  /** Runs a command of zellij. Not to be called inside another one. */
  async command<Value>(body: () => Promise<Value>): Promise<Value> {
    return await this.#run(false, body);
  }

  /** Runs what brings a session into the world, alone. */
  async birth<Value>(body: () => Promise<Value>): Promise<Value> {
    return await this.#run(true, body);
  }

  async #run<Value>(isBirth: boolean, body: () => Promise<Value>): Promise<Value> {
    await new Promise<void>((enter) => {
      this.#waiting.push({ isBirth, enter });
      this.#admit();
    });
    try {
      return await body();
    } finally {
      if (isBirth) this.#isBirth = false;
      else this.#running -= 1;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#isBirth || (next.isBirth && this.#running > 0)) return;
      this.#waiting.shift();
      if (next.isBirth) this.#isBirth = true;
      else this.#running += 1;
      next.enter();
    }
  }
}

/** The one of this process: the sockets are the user's, whichever object asks. */
export const zellijGate: ZellijGate = new ZellijGate();
