import { refused, unavailable, usage } from '../core/index.ts';
import { parseBundle } from '../formats/index.ts';
import {
  listReleases,
  MAX_POINTER_BYTES,
  MAX_RECORD_BYTES,
  parseChannelPointer,
  parseReleaseRecord,
  type ReleaseRecord,
} from '../release/index.ts';
import { layoutOf, locationText, type Store, type StoreLocation } from '../store/index.ts';

/** The newest releases that are read in search of a model id. */
const MOST_SEARCHED = 100;

/**
 * The record of the release that a location refers to, as it lies there: whoever signed it.
 *
 * @throws MlsignError `reference-missing`, `release-missing`, `channel-missing`, `release-name-wrong`, what the parsers and the store throw
 */
export async function claimedRelease(store: Store, location: StoreLocation, signal?: AbortSignal): Promise<ReleaseRecord> {
  const { reference } = location;
  switch (reference?.kind) {
    case undefined:
      throw usage('reference-missing', 'say which release of the model is meant', {
        subject: location.url,
        expected: 'a release number (@7), a channel (@production) or a model id (@sha256:…)',
        got: 'a bare name',
        suggestions: ['see what there is: mlsign releases', `what is no release is named with its digest: ${location.url}=sha256:DIGEST`],
      });
    case 'release':
      return readRecord(store, location, reference.number, signal);
    case 'channel':
      return readRecord(store, location, await pointedTo(store, location, reference.name, signal), signal);
    case 'model': {
      for (const { number } of (await listReleases(store, location, signal)).slice(0, MOST_SEARCHED)) {
        const record = await readRecord(store, location, number, signal);
        if (record.modelId === reference.id) return record;
      }
      throw missing('release-missing', 'no release of this model is found', locationText(location, reference));
    }
  }
}

async function readRecord(store: Store, location: StoreLocation, number: number, signal: AbortSignal | undefined): Promise<ReleaseRecord> {
  const where = locationText(location, { kind: 'release', number });
  const bytes = await readCurrent(store, layoutOf(location).release(number), MAX_RECORD_BYTES, signal);
  if (bytes === undefined) throw missing('release-missing', 'there is no such release', where);
  const record = parseReleaseRecord(parseBundle(bytes, where).envelope.payload, where);
  if (record.name === location.name && record.number === number) return record;
  throw refused('release-name-wrong', 'the record that lies here is that of another release', {
    subject: where,
    expected: `${location.name}@${number}`,
    got: `${record.name}@${record.number}`,
  });
}

async function pointedTo(store: Store, location: StoreLocation, channel: string, signal: AbortSignal | undefined): Promise<number> {
  const where = locationText(location, { kind: 'channel', name: channel });
  const bytes = await readCurrent(store, layoutOf(location).channel(channel), MAX_POINTER_BYTES, signal);
  if (bytes === undefined) throw missing('channel-missing', 'there is no such channel', where);
  return parseChannelPointer(parseBundle(bytes, where).envelope.payload, where).release.number;
}

async function readCurrent(store: Store, key: string, maxBytes: number, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  const object = await store.current(key, signal);
  return object && store.read(object, maxBytes, signal);
}

function missing(code: string, message: string, subject: string) {
  return unavailable(code, message, { subject, suggestions: ['see what there is: mlsign releases'] });
}
