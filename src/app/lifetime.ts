import { usage } from '../core/index.ts';

/** How long a pointer or a revocation list lives: so long, or until a moment. */
export type Lifetime = { readonly kind: 'for'; readonly milliseconds: number } | { readonly kind: 'until'; readonly date: Date };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SHORTEST = MINUTE;
const LONGEST = 400 * DAY;

/**
 * When what is issued now ends.
 *
 * @throws MlsignError `expires-out-of-range` for less than a minute or more than 400 days
 */
export function expiryOf(lifetime: Lifetime, now: Date): Date {
  const milliseconds = lifetime.kind === 'for' ? lifetime.milliseconds : lifetime.date.getTime() - now.getTime();
  if (milliseconds >= SHORTEST && milliseconds <= LONGEST) return new Date(now.getTime() + milliseconds);
  throw usage('expires-out-of-range', 'what expires lives for at least a minute and at most 400 days', {
    subject: '--expires',
    expected: `${new Date(now.getTime() + SHORTEST).toISOString()} to ${new Date(now.getTime() + LONGEST).toISOString()}`,
    got: lifetime.kind === 'until' ? lifetime.date.toISOString() : describe(milliseconds),
    suggestions: ['--expires 30d'],
  });
}

function describe(milliseconds: number): string {
  return milliseconds < MINUTE ? `${Math.floor(milliseconds / 1000)} s` : `${Math.floor(milliseconds / DAY)} days`;
}
