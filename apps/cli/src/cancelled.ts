/** The user said no, or left a question with Ctrl-C or Escape. */
export class Cancelled extends Error {
  constructor() {
    super("cancelled");
    this.name = "Cancelled";
  }
}
