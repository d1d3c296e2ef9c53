import { usage } from '../core/index.ts';
import { parseLocation, type StoreLocation } from '../store/index.ts';

/**
 * A place in a store, where a model without a release is asked for.
 *
 * @throws MlsignError `location-malformed`, `reference-unexpected`
 */
export function parseModelLocation(text: string): StoreLocation {
  const location = parseLocation(text);
  if (location.reference === undefined) return location;
  throw usage('reference-unexpected', 'this names a release or a channel, where the model itself is asked for', {
    subject: text,
    expected: location.url,
    suggestions: [`leave out what follows "@": ${location.url}`],
  });
}

/**
 * A channel of a model in a store.
 *
 * @throws MlsignError `location-malformed`, `channel-not-named`
 */
export function parseChannelLocation(text: string): { readonly location: StoreLocation; readonly channel: string } {
  const location = parseLocation(text);
  const { reference, url } = location;
  if (reference?.kind === 'channel') return { location, channel: reference.name };
  throw usage('channel-not-named', 'this does not name a channel', {
    subject: text,
    expected: `${url}@production, or another channel`,
    suggestions: [`mlsign ls ${url} shows its channels`],
  });
}
