/** Prints the problems of a check, one a line, and sets the exit code. */
export function report(check: string, problems: readonly string[], summary: string): void {
  if (problems.length === 0) {
    console.log(`${check}: ${summary}`);
    return;
  }
  for (const problem of problems) {
    console.error(`${check}: ${problem}`);
  }
  process.exitCode = 1;
}
