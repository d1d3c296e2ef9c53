import type { Verdict } from '../core/index.ts';
import type { Style } from './style.ts';

/** A verdict in its colour. */
export function verdictWord(verdict: Verdict, style: Style): string {
  switch (verdict) {
    case 'verified':
      return style.good(verdict);
    case 'rejected':
      return style.bad(verdict);
    case 'undetermined':
      return style.attention(verdict);
  }
}
