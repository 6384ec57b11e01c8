/** Headless, no agent resumes without being told something. */
export const CONTINUE_TEXT = "Continue where you stopped.";

export function continueNotice(displayName: string): string {
  return `Headless, ${displayName} resumes only with a message; it was sent "${CONTINUE_TEXT}"`;
}
