/** Escape sequences for a terminal, nothing for everything else. */
export interface Style {
  readonly isColored: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

export interface StyleConditions {
  readonly isTerminal: boolean;
  readonly isColorless: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

export function createStyle(conditions: StyleConditions): Style {
  const { NO_COLOR: noColor, TERM: terminal } = conditions.environment;
  const isOff = conditions.isColorless || (noColor !== undefined && noColor !== "") || terminal === "dumb";
  const isColored = conditions.isTerminal && !isOff;
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      isColored ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { isColored, bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39), yellow: wrap(33, 39) };
}
