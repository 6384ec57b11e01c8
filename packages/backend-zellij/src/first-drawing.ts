/** To a place on the screen: nothing of what a client says by itself, when it begins, does that. */
// oxlint-disable-next-line no-control-regex -- what a terminal draws with
const place = /\u001b\[\d+;\d+H/u;
/** A client that takes its leave goes to a place, too. */
const leave = "\u001b[?1049l";
/** More than a client says before the server draws for it. */
const LONGEST = 16_384;

/**
 * Finds in a zellij client's output the first thing that the server has drawn for it. Until then the server does not know the client, and drops its keys without a word.
 */
export class FirstDrawing {
  #text = "";
  #isSeen = false;

  get isSeen(): boolean {
    return this.#isSeen;
  }

  /** Takes the next output; true when something has been drawn by now. */
  take(bytes: Uint8Array): boolean {
    if (this.#isSeen) return true;
    this.#text = (this.#text + Buffer.from(bytes).toString("latin1")).slice(-LONGEST);
    this.#isSeen = place.test(this.#text) && !this.#text.includes(leave);
    if (this.#isSeen) this.#text = "";
    return this.#isSeen;
  }
}
