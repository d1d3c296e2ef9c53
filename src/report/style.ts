import { styleText } from 'node:util';

/** Emphasis for a terminal; each function returns its text, decorated or not. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly attention: (text: string) => string;
}

const same = (text: string): string => text;

/** No emphasis: pipes, files, `--no-color`. */
export const plainStyle: Style = { bold: same, dim: same, good: same, bad: same, attention: same };

const paint = (format: 'bold' | 'dim' | 'green' | 'red' | 'yellow') => (text: string) => styleText(format, text, { validateStream: false });

/** ANSI colours. */
export const colourStyle: Style = {
  bold: paint('bold'),
  dim: paint('dim'),
  good: paint('green'),
  bad: paint('red'),
  attention: paint('yellow'),
};
